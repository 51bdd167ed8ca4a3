package completion

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

// prompt ends what a shell writes before it reads.
const prompt = "ready>"

// patience is how long a shell may take to draw what it was asked for.
const patience = time.Minute

// shell is a shell and how its start file says that the prompt is ours.
type shell struct {
	name, program string
	packages      []servers.Package
	file, start   string
}

var shells = []shell{
	{"bash", "bash", nil, ".bashrc", "PS1='" + prompt + " '\n"},
	{"bash with bash-completion", "bash", []servers.Package{{Name: "bash-completion", File: "/usr/share/bash-completion/bash_completion"}}, ".bashrc",
		"PS1='" + prompt + " '\n. /usr/share/bash-completion/bash_completion\n"},
	{"zsh", "zsh", []servers.Package{{Name: "zsh", File: "/usr/bin/zsh"}}, ".zshrc", "PROMPT='" + prompt + " '\n"},
	{"fish", "fish", []servers.Package{{Name: "fish", File: "/usr/bin/fish"}}, ".config/fish/config.fish",
		"function fish_prompt; echo '" + prompt + " '; end\nset -g fish_autosuggestion_enabled 0\n"},
}

// home makes a home with the command in its bin folder, and files to complete in its folder work.
func home(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := process.Build(t.Context(), filepath.Join(home, "bin")); err != nil {
		t.Fatal(err)
	}
	return home
}

// prepare writes the start file of a shell, and does what the help of the command says for every new session.
func (s shell) prepare(t *testing.T, home string) {
	t.Helper()
	write(t, filepath.Join(home, s.file), s.start)
	help, err := s.command(home, "logpipe completion "+s.program+" --help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, forEach, found := strings.Cut(string(help), "For every new one:\n")
	if !found {
		t.Fatalf("the help says nothing of new sessions:\n%s", help)
	}
	forEach, _, _ = strings.Cut(forEach, "\nUsage:")
	if out, err := s.command(home, forEach).CombinedOutput(); err != nil {
		t.Fatalf("what the help says fails: %v\n%s\n%s", err, forEach, out)
	}
}

// command runs a script in the shell, without a terminal.
func (s shell) command(home, script string) *exec.Cmd {
	c := exec.Command(s.program, "-c", script)
	c.Dir, c.Env = home, environment(home)
	return c
}

func environment(home string) []string {
	return []string{"HOME=" + home, "PATH=" + filepath.Join(home, "bin") + ":/usr/bin:/bin", "LC_ALL=C.UTF-8", "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
}

// screen is a shell in a terminal of tmux, which knows what stands on it after all that shells do to redraw a line.
type screen struct {
	t      *testing.T
	socket string
	home   string
}

func (s shell) open(t *testing.T, home string) *screen {
	t.Helper()
	// A socket's path has at most 108 characters.
	folder, err := os.MkdirTemp("", "tmux")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	at := &screen{t, filepath.Join(folder, "s"), home}
	args := []string{"-f", "/dev/null", "new-session", "-d", "-x", "150", "-y", "50", "-c", filepath.Join(home, "work"), s.program}
	at.tmux(args...)
	t.Cleanup(at.close)
	at.until("a prompt", func(line, _ string) bool { return line == "" })
	return at
}

// close ends the shell as its user does, and waits for it: it may write its history into the home at the end.
func (s *screen) close() {
	s.clear()
	s.run("send-keys", "-l", "exit\n")
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if _, err := s.run("has-session"); err != nil {
			return
		}
	}
	s.run("kill-server")
	s.t.Error("the shell does not end")
}

func (s *screen) run(args ...string) (string, error) {
	c := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...)
	c.Env = append(environment(s.home), "TERM=xterm")
	out, err := c.CombinedOutput()
	return string(out), err
}

func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	out, err := s.run(args...)
	if err != nil {
		s.t.Fatalf("tmux %s: %v: %s", args[0], err, out)
	}
	return out
}

// until waits until what stands behind the last prompt, and all of the screen, are as they should be.
func (s *screen) until(what string, is func(line, all string) bool) {
	s.t.Helper()
	var all string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		all = strings.TrimRight(s.tmux("capture-pane", "-p", "-J"), " \n")
		at := strings.LastIndex(all, prompt)
		if at < 0 {
			continue
		}
		line, _, _ := strings.Cut(all[at+len(prompt):], "\n")
		if is(strings.TrimSpace(line), all) {
			return
		}
	}
	s.t.Fatalf("there is never %s. The screen:\n%s", what, all)
}

// press types keys, with TAB where <TAB> stands.
func (s *screen) press(keys string) {
	s.t.Helper()
	for i, text := range strings.Split(keys, "<TAB>") {
		if i > 0 {
			s.tmux("send-keys", "Tab")
		}
		if text != "" {
			s.tmux("send-keys", "-l", text)
		}
	}
}

// clear leaves the line, and waits for an empty one on an empty screen.
func (s *screen) clear() {
	s.t.Helper()
	s.tmux("send-keys", "C-u") // C-c would have the terminal drop what is typed behind it
	s.until("an empty line", func(line, _ string) bool { return line == "" })
	s.tmux("send-keys", "-l", "clear\n")
	s.until("an empty screen", func(_, all string) bool { return all == prompt })
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(process.Root(), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
