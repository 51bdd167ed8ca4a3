package cmd

import (
	"fmt"
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// staying is a pipeline that reads ten numbers, writes them and waits.
func staying(name, stored string, workers int) string {
	return fmt.Sprintf(`pipeline %q {
  input "numbers" {
    stay = true
  }
  output "sink" {
    path    = %q
    workers = %d
  }
}
`, name, stored, workers)
}

// rewrite replaces a file as editors do, by a rename.
func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// lines counts the lines of a file that may not be there yet.
func lines(name string) int {
	text, _ := os.ReadFile(name) // none, then
	return strings.Count(string(text), "\n")
}

// A reload must touch only what changed: a pipeline that restarts for nothing interrupts logs, and one that does not restart runs what
// nobody wrote any more.
func TestReloadRestartsOnlyWhatChanged(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	file := write(t, "fleet.hcl", staying("a", at("a"), 1)+staying("b", at("b"), 1)+staying("c", at("c"), 1))
	p := start(t, nil, "run", "--admin", "", file)
	stored := func(name string, n int) {
		t.Helper()
		p.until(fmt.Sprintf("%s has %d lines", name, n), func() bool { return lines(at(name)) == n })
	}
	stored("a", 10)
	stored("b", 10)
	stored("c", 10)

	rewrite(t, file, "pipeline {\n}\noutput \"x\" {}\n")
	p.signal(syscall.SIGHUP)
	p.until("it is refused", func() bool { return strings.Contains(p.stderr(), "reload refused") })
	for _, said := range []string{"the pipeline has no name", "the block output stands outside of a pipeline"} {
		if !strings.Contains(p.stderr(), said) {
			t.Errorf("%q is not said:\n%s", said, p.stderr())
		}
	}

	rewrite(t, file, "# a comment\n"+staying("d", at("d"), 1)+staying("b", at("b"), 2)+staying("a", at("a"), 1))
	p.signal(syscall.SIGHUP)
	p.until("it is done", func() bool { return strings.Contains(p.stderr(), `"reloaded"`) })
	stored("b", 20)
	stored("d", 10)
	plan := jsonLines(t, p.stderr())["reloading"]
	if got := fmt.Sprint(plan["restarts"], plan["starts"], plan["stops"], plan["stays"]); got != "[b] [d] [c] [a]" {
		t.Errorf("the plan is %s", got)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d\n%s", code, p.stderr())
	}
	if lines(at("a")) != 10 || lines(at("c")) != 10 {
		t.Errorf("a has %d lines and c %d: they ran again", lines(at("a")), lines(at("c")))
	}
	received := map[string]float64{}
	for line := range strings.Lines(p.stderr()) {
		if sum := jsonLines(t, line)["summary"]; sum != nil {
			received[sum["pipeline"].(string)] = sum["received"].(float64)
		}
	}
	if got := fmt.Sprint(received); got != "map[a:10 b:20 c:10 d:10]" {
		t.Errorf("the summary counts %s", got)
	}
}

// A process that may hold more after a reload, under the limit that fitted before it, would do nothing but collect garbage.
func TestReloadFitsTheMemoryLimit(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "stored")
	of := func(bytes int) string {
		return strings.Replace(staying("a", stored, 1), "stay = true", fmt.Sprintf("stay = true\n    max_in_flight_bytes = %d", bytes), 1)
	}
	file := write(t, "fleet.hcl", of(30<<20))
	p := start(t, func(c *exec.Cmd) { c.Env = append(c.Env, "GOMEMLIMIT=") }, "run", "-v", "--admin", "", file)
	is := func(inFlight int) {
		t.Helper()
		want := fmt.Sprintf(`"bytes":%d,"in_flight_bytes":%d`, 13_000_000+2*inFlight, inFlight)
		p.until("the limit is "+want, func() bool { return strings.Contains(p.stderr(), want) })
	}
	is(30 << 20)
	p.until("all is read", func() bool { return lines(stored) == 10 })
	rewrite(t, file, of(60<<20))
	p.signal(syscall.SIGHUP)
	is(60 << 20)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d\n%s", code, p.stderr())
	}
}

// What a pipeline holds when it is replaced must be written by it: its drain is a part of the reload.
func TestReloadDrains(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "stored")
	file := held(t, fmt.Sprintf("path = %q", stored))
	p := start(t, nil, "run", "-v", "--admin", "", file)
	p.until("all is read", func() bool { return strings.Contains(p.stderr(), "all numbers are read") })
	rewrite(t, file, strings.Replace(contents(t, file), `"20s"`, `"21s"`, 1))
	p.signal(syscall.SIGHUP)
	p.until("it is done", func() bool { return strings.Contains(p.stderr(), `"reloaded"`) })
	if got := lines(stored); got != 10 {
		t.Errorf("%d messages are stored after the drain, want 10", got)
	}
}

// A reload must not read a finished file a second time: its messages would be there twice.
func TestReloadLeavesWhatIsFinished(t *testing.T) {
	dir := t.TempDir()
	finite := strings.Replace(staying("finite", filepath.Join(dir, "finite"), 1), "    stay = true\n", "", 1)
	file := write(t, "fleet.hcl", finite+staying("stays", filepath.Join(dir, "stays"), 1))
	p := start(t, nil, "run", "--admin", "", file)
	p.until("all is stored", func() bool {
		return lines(filepath.Join(dir, "finite")) == 10 && lines(filepath.Join(dir, "stays")) == 10
	})
	rewrite(t, file, finite+staying("stays", filepath.Join(dir, "stays"), 2))
	p.signal(syscall.SIGHUP)
	p.until("it has changed", func() bool { return lines(filepath.Join(dir, "stays")) == 20 })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK || lines(filepath.Join(dir, "finite")) != 10 {
		t.Errorf("exit code %d, %d lines of what was finished", code, lines(filepath.Join(dir, "finite")))
	}
}

// A process that shall end must not start pipelines: the manager would kill it with what they have read.
func TestEndDuringAReload(t *testing.T) {
	dir := t.TempDir()
	file := heldWith(t, "", `mode = "hang"`)
	first := strings.Replace(contents(t, file), `"20s"`, `"3s"`, 1)
	rewrite(t, file, first)
	p := start(t, nil, "run", "-v", "--admin", "", file)
	p.until("all is read", func() bool { return strings.Contains(p.stderr(), "all numbers are read") })
	rewrite(t, file, staying("next", filepath.Join(dir, "next"), 1))
	p.signal(syscall.SIGHUP)
	p.until("it reloads", func() bool { return strings.Contains(p.stderr(), `"reloading"`) })
	p.signal(syscall.SIGTERM)
	p.until("it drains", func() bool { return strings.Contains(p.stderr(), "draining, at most") })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitRuntime || lines(filepath.Join(dir, "next")) != 0 {
		t.Errorf("exit code %d, %d lines of the next pipeline\n%s", code, lines(filepath.Join(dir, "next")), p.stderr())
	}
}

// A list of variables in a file is a part of the configuration.
func TestWatchReadsEnvFilesAgain(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "stored")
	env := write(t, "a.env", "WORKERS=1\n")
	file := write(t, "a.hcl", strings.Replace(staying("a", stored, 1), "workers = 1", `workers = env("WORKERS")`, 1))
	p := start(t, nil, "run", "--watch", "--admin", "", "--env-file", env, file)
	p.until("all is stored", func() bool { return lines(stored) == 10 })
	rewrite(t, env, "WORKERS=2\n")
	p.until("it runs anew", func() bool { return lines(stored) == 20 })
}

// A pipe is empty at the second look: variables of an env file would be gone, and defaults in their place, unseen.
func TestReloadOfPipe(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "stored")
	file := write(t, "one.hcl", strings.Replace(staying("a", "x", 1), `"x"`, `env("WHERE", "/nowhere/else")`, 1))
	p := start(t, nil, "run", "--admin", "", "--env-file", pipe(t, "WHERE="+stored+"\n"), file)
	p.until("it runs", func() bool { return lines(stored) == 10 })
	p.signal(syscall.SIGHUP)
	p.until("it is refused", func() bool { return strings.Contains(p.stderr(), "cannot be read a second time") })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d\n%s", code, p.stderr())
	}
}
