package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

// client is a library or program that is not ours, and how its program in the folder clients is run.
type client struct {
	name     string
	packages []servers.Package
	command  func(t *testing.T, c *client) []string
	file     string

	writes bool
	own    bool // writes messages of its own kind, and takes none that are described
	reads  bool
	// blind are the messages that the library breaks off at when it reads them, as WRITER.GROUP, where * stands for all writers.
	blind []string
}

// packages are those of several clients together.
func packages(of []*client) (all []servers.Package) {
	for _, c := range of {
		all = append(all, c.packages...)
	}
	return all
}

func folder() string { return filepath.Join(process.Root(), "test", "interop", "clients") }

func interpreted(program string) func(*testing.T, *client) []string {
	return func(t *testing.T, c *client) []string { return []string{program, filepath.Join(folder(), c.file)} }
}

// source names a folder of the cache after what is in a file: it is built anew when that changes.
func source(t *testing.T, name string, files ...string) (cache string) {
	t.Helper()
	sum := sha256.New()
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(folder(), f))
		check(t, err)
		sum.Write(text)
	}
	return fmt.Sprintf("interop-%s-%x", name, sum.Sum(nil)[:6])
}

func compiledC(t *testing.T, c *client) []string {
	built := servers.Cache(t, source(t, c.name, c.file), func(dir string) error {
		return run(dir, nil, "gcc", "-Wall", "-Werror", "-O1", "-o", filepath.Join(dir, c.name), filepath.Join(folder(), c.file), "-lrabbitmq", "-lcjson", "-lm")
	})
	return []string{filepath.Join(built, c.name)}
}

func compiledJava(t *testing.T, c *client) []string {
	built := servers.Cache(t, source(t, c.name, c.file), func(dir string) error {
		return run(dir, nil, "javac", "-Xlint:all", "-cp", javaLibrary, "-d", dir, filepath.Join(folder(), c.file))
	})
	// A short life is not worth the compiler's second stage.
	return []string{"java", "-XX:TieredStopAtLevel=1", "-cp", javaLibrary + ":" + javaLog + ":" + built, "JavaClient"}
}

// node runs with the packages of clients/package-lock.json, which npm fetches once.
func node(t *testing.T, c *client) []string {
	built := servers.Cache(t, source(t, "npm", "package-lock.json"), func(dir string) error {
		for _, f := range []string{"package.json", "package-lock.json"} {
			text, err := os.ReadFile(filepath.Join(folder(), f))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, f), text, 0o644)
			}
			if err != nil {
				return err
			}
		}
		return run(dir, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	})
	return []string{"env", "NODE_PATH=" + filepath.Join(built, "node_modules"), "node", filepath.Join(folder(), c.file)}
}

func escript(t *testing.T, c *client) []string {
	found, err := filepath.Glob(erlangPlugins)
	if err != nil || len(found) == 0 {
		t.Fatalf("the folder %s is not there (%v)", erlangPlugins, err)
	}
	return []string{"env", "ERL_LIBS=" + filepath.Dir(found[0]), "escript", filepath.Join(folder(), c.file)}
}

// patience is for one call of a client.
const patience = 5 * time.Minute

func run(dir string, in []byte, args ...string) error {
	_, _, err := output(dir, in, args...)
	return err
}

func output(dir string, in []byte, args ...string) (out []byte, cpu time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(in), &said
	out, err = cmd.Output()
	if state := cmd.ProcessState; state != nil {
		cpu = state.UserTime() + state.SystemTime()
	}
	if err != nil {
		return nil, cpu, fmt.Errorf("%v: %w\n%s%.2000s", args, errors.Join(err, ctx.Err()), said.Bytes(), out)
	}
	return out, cpu, nil
}

// call runs the client's program with a task and takes its answer.
func (c *client) call(t *testing.T, how string, task, answer any) {
	t.Helper()
	text, err := json.Marshal(task)
	check(t, err)
	out, cpu, err := output(folder(), text, append(c.command(t, c), how)...)
	t.Logf("%s: %s took %v of CPU time, and told %d bytes", c.name, how, cpu.Round(time.Millisecond), len(out))
	if err != nil {
		t.Fatalf("%s: %s: %v", c.name, how, err)
	}
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(answer); err != nil {
		t.Fatalf("%s: %s: its answer is no JSON: %v\n%.500s", c.name, how, err, out)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
