package completion

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// tabs are what is typed and what the line is then.
var tabs = []struct{ keys, line string }{
	{"logpipe va<TAB>", "logpipe validate"},
	{"logpipe dlq li<TAB>", "logpipe dlq list"},
	{"logpipe help val<TAB>", "logpipe help validate"},
	{"logpipe validate --no<TAB>", "logpipe validate --no-env"},
	{"logpipe --log-f<TAB>", "logpipe --log-format"},
	{"logpipe run --log-format j<TAB>", "logpipe run --log-format json"},
	{"logpipe run --log-format=j<TAB>", "logpipe run --log-format=json"},
	{"logpipe plugins gen<TAB>", "logpipe plugins generator"},
	{"logpipe flow<TAB>", "logpipe flows.hcl"}, // flows.txt lies beside it
	{"logpipe validate flow<TAB>", "logpipe validate flows.hcl"},
	{"logpipe run --watch flow<TAB>", "logpipe run --watch flows.hcl"},
	{"logpipe validate ./flow<TAB>", "logpipe validate ./flows.hcl"},
	{"logpipe fmt conf<TAB>ma<TAB>", "logpipe fmt conf/main.hcl"},
	{"logpipe conf<TAB>ma<TAB>", "logpipe conf/main.hcl"},
	{"logpipe validate ~/dee<TAB>", "logpipe validate ~/deep.hcl"},
	{"logpipe validate ../dee<TAB>", "logpipe validate ../deep.hcl"},
	{"logpipe validate wit<TAB>", `logpipe validate with\ space.hcl`},
	{"logpipe dlq list --config flow<TAB>", "logpipe dlq list --config flows.hcl"},
	{"logpipe run --env-file vari<TAB>", "logpipe run --env-file variables.env"},
	{"logpipe validate flows.hcl conf<TAB>ma<TAB>", "logpipe validate flows.hcl conf/main.hcl"},
}

// Who installs the completion as the help says, and presses TAB, gets commands, flags, files and values. Asking the command itself what it would offer
// shows nothing of that: what it said was right, and no shell could use it.
func TestTab(t *testing.T) {
	servers.Packages(t, servers.Package{Name: "tmux", File: "/usr/bin/tmux"})
	home := home(t)
	t.Run("README", func(t *testing.T) { sameInReadme(t, home) })
	for _, name := range []string{"work/flows.hcl", "work/flows.txt", "work/conf/main.hcl", "work/conf/more.md", "work/with space.hcl", "work/variables.env", "deep.hcl",
		".local/share/fish/generated_completions/none"} { // fish makes them in the background if the folder is not there {
		write(t, filepath.Join(home, name), "")
	}
	for _, s := range shells {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			servers.Packages(t, s.packages...)
			s.prepare(t, home)
			at := s.open(t, home)
			for _, tab := range tabs {
				at.press(tab.keys)
				at.until(tab.keys+" made "+tab.line, func(line, _ string) bool { return line == tab.line })
				at.clear()
			}
			at.press("logpipe <TAB><TAB>")
			at.until("a list of commands, pipelines and folders", func(_, all string) bool {
				return hasAll(all, "validate", "plugins", "flows.hcl", "conf/") && !strings.Contains(all, "flows.txt")
			})
		})
	}
}

// sameInReadme holds what the README says of installing against what the help says.
func sameInReadme(t *testing.T, home string) {
	readme := read(t, "README.md")
	for _, s := range shells[1:] {
		help, err := shells[0].command(home, "logpipe completion "+s.program+" --help").Output()
		if err != nil {
			t.Fatal(err)
		}
		_, forEach, _ := strings.Cut(string(help), "For every new one:\n\n")
		forEach, _, _ = strings.Cut(forEach, "\n\n")
		for line := range strings.Lines(forEach) {
			if !strings.Contains(readme, strings.TrimSpace(line)) {
				t.Errorf("README.md does not say %q for %s", line, s.program)
			}
		}
	}
}

func hasAll(text string, words ...string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
