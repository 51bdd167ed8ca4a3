package smallest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/examples/smallest/deadline"
	"github.com/logpipe/logpipe/examples/smallest/folder"
	"github.com/logpipe/logpipe/examples/smallest/pace"
	"github.com/logpipe/logpipe/examples/smallest/spool"
	"github.com/logpipe/logpipe/examples/smallest/upper"
)

func TestInput(t *testing.T) {
	enginetest.TestInput(t, enginetest.InputSuite{New: func(t *testing.T, bodies [][]byte) engine.Input {
		dir := t.TempDir()
		for i, body := range bodies {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d", i)), body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return must(spool.New(spool.Config{Folder: dir}, engine.Env{}))
	}})
}

func TestTransform(t *testing.T) {
	enginetest.TestTransform(t, func(t *testing.T) engine.Transform { return must(upper.New(upper.Config{}, engine.Env{})) }, "a", "B", "")
}

func TestStage(t *testing.T) {
	enginetest.TestStage(t, func(t *testing.T) engine.Stage { return must(pace.New(pace.Config{Every: time.Second}, engine.Env{})) }, "a", "b", "c")
}

func TestPolicy(t *testing.T) {
	enginetest.TestPolicy(t, func(t *testing.T) engine.Policy {
		return must(deadline.New(deadline.Config{After: time.Minute}, engine.Env{}))
	})
}

func TestOutput(t *testing.T) {
	dirs := map[string]string{}
	dir := func(t *testing.T) string {
		if dirs[t.Name()] == "" {
			dirs[t.Name()] = t.TempDir()
		}
		return dirs[t.Name()]
	}
	enginetest.TestOutput(t, enginetest.OutputSuite{
		New: func(t *testing.T) engine.Output {
			return must(folder.New(folder.Config{Folder: dir(t)}, engine.Env{}))
		},
		Stored: func(t *testing.T) (bodies [][]byte) {
			files, _ := filepath.Glob(filepath.Join(dir(t), "*"))
			for _, file := range files {
				text := must(os.ReadFile(file))
				for line := range bytes.Lines(text) {
					bodies = append(bodies, bytes.TrimSuffix(line, []byte("\n")))
				}
			}
			return bodies
		},
		Idempotent: true,
		Break:      func(t *testing.T) { move(t, dir(t), dir(t)+".away") },
		Mend:       func(t *testing.T) { move(t, dir(t)+".away", dir(t)) },
	})
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// They can be put into a binary together.
func TestPlugins(t *testing.T) {
	config.CheckPlugins([]engine.Plugin{spool.Plugin, upper.Plugin, pace.Plugin, deadline.Plugin, folder.Plugin})
}

// The sizes that the documentation compares with those of others must be those of the files.
func TestSizes(t *testing.T) {
	text := must(os.ReadFile("../../docs/plugins-howto.md"))
	for _, name := range []string{"spool", "upper", "pace", "deadline", "folder"} {
		all, code := size(t, filepath.Join(name, name+".go"))
		row := fmt.Sprintf("(../examples/smallest/%[1]s/%[1]s.go) | %d | %d |", name, all, code)
		t.Logf("%s: %d lines, %d of them code", name, all, code)
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/plugins-howto.md has no row with %s", row)
		}
	}
}

// size counts the lines of a file, and those that are neither empty nor a comment.
func size(t *testing.T, path string) (all, code int) {
	t.Helper()
	for lines := bufio.NewScanner(bytes.NewReader(must(os.ReadFile(path)))); lines.Scan(); all++ {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "//") {
			code++
		}
	}
	return all, code
}
