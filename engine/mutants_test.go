package engine_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutants are mistakes that lose or double messages.
var mutants = []struct {
	name  string
	edits []edit
}{
	{"an ack crosses a reconnect", []edit{
		{"read.go", "d.live.Store(d.epoch)", "if old := d.live.Load(); old != nil { d.epoch.acks = old.acks }; d.live.Store(d.epoch)"},
		{"receipt.go", "if !e.dead.Load() {\n\t\te.acks", "if true {\n\t\te.acks"},
	}},
	{"void messages are not discarded", []edit{{"attempt.go", "n, bytes := discardVoid(b); n > 0", "n, bytes := 0, int64(0); n > 0"}}},
	{"the source is opened before the void window is gone", []edit{{"read.go", "for !d.window.empty() {", "for false {"}}},
	{"recovery makes a new id", []edit{{"recover.go", `if b.ID == "" {`, "if true {"}}},
	{"a channel is closed before its senders ended", []edit{{"drain.go", "readers.Wait()\n\tclose(r.head)", "close(r.head)\n\treaders.Wait()"}}},
	{"a chunk is settled with its first message", []edit{{"receipt.go", "if left > 0 {\n\t\treturn\n\t}", "if left > 0 && n < 1 {\n\t\treturn\n\t}"}}},
	{"the window is not waited for", []edit{{"read.go", "if d.window.room() {", "if true {"}}},
	{"nobody asks for pressure", []edit{{"read.go", "again == nil && d.r.busy.Load() == 0", "false"}}},
	{"a temporary failure is buried", []edit{{"write.go", "if !IsPermanent(err) || r.dead == nil {", "if r.dead == nil {"}}},
	{"the fallback forgets before its batch is home", []edit{{"recover.go", "case err == nil || c.r.bury(b, err):", "case true:"}}},
	{"bytes do not count", []edit{{"window.go", "(w.max.Bytes == 0 ||", "(true ||"}}},
	{"the workers are not joined", []edit{{"drain.go", "workers.Wait()\n", "\n"}}},
}

// edit puts new text in the place of old text, which must stand once in the file.
type edit struct{ file, old, new string }

// TestMutantsDie makes each mistake in a copy of its file and runs the other tests of this package against it. A mutant that lives says
// that a law has no test.
func TestMutantsDie(t *testing.T) {
	if os.Getenv("LOGPIPE_MUTANT") != "" {
		t.Skip("this is a mutant's own run")
	}
	if testing.Short() {
		t.Skip("builds the package once for each mutant")
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			overlay := mutate(t, m.edits)
			cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-timeout", "60s", "-failfast", ".", "-seeds", "60")
			cmd.Env = append(os.Environ(), "LOGPIPE_MUTANT="+m.name)
			cmd.WaitDelay = 10 * time.Second
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("all tests pass although %s", m.name)
			case strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]"):
				t.Errorf("the mutant does not build:\n%s", out)
			}
		})
	}
}

// mutate writes the changed files and an overlay that puts them in the place of the real ones.
func mutate(t *testing.T, edits []edit) (overlay string) {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for _, e := range edits {
		text, err := os.ReadFile(e.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			t.Fatalf("%s has the text %q %d times, want once: mend the mutant", e.file, e.old, n)
		}
		real, err := filepath.Abs(e.file)
		if err != nil {
			t.Fatal(err)
		}
		replace[real] = filepath.Join(dir, e.file)
		write(t, replace[real], []byte(strings.Replace(string(text), e.old, e.new, 1)))
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	write(t, overlay, list)
	return overlay
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
