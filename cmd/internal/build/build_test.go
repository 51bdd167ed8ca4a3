package build

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder writes a module into a folder of the test.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run builds, and looks for litter.
func run(t *testing.T, ctx context.Context, e Engine, with ...string) (binary, version string, err error) {
	t.Helper()
	temp, out := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	binary = filepath.Join(out, "mine")
	var log bytes.Buffer
	version, err = Run(ctx, Options{With: with, Engine: e, Output: binary, Log: &log})
	left, _ := os.ReadDir(temp)
	if len(left) != 0 {
		t.Errorf("%s is left in the folder for temporary files", left[0].Name())
	}
	beside, _ := os.ReadDir(out)
	if want := map[bool]int{true: 1}[err == nil]; len(beside) != want {
		t.Errorf("%d files beside the binary, want %d", len(beside), want)
	}
	if err != nil && len(log.String()+err.Error()) == 0 {
		t.Error("it fails without a word")
	}
	return binary, version, err
}

func workingCopy(t *testing.T) Engine {
	t.Helper()
	e, err := NamedEngine(tree)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestBuildFromFolders(t *testing.T) {
	list := strings.Replace(strings.Replace(scrub, "package scrub", "package masks", 1), "var Plugin = engine.NewTransform(\"scrub\"",
		"var Plugins = []engine.Plugin{Plugin}\n\nvar Plugin = engine.NewTransform(\"mask\"", 1)
	one := folder(t, map[string]string{"go.mod": requires("example.com/me/scrub", "v0.0.0"), "scrub.go": scrub})
	two := folder(t, map[string]string{"go.mod": requires("example.com/me", "v0.0.0"), "sub/masks/masks.go": list})
	binary, version, err := run(t, t.Context(), workingCopy(t), one, "example.com/me/sub/masks="+filepath.Join(two, "sub", "masks"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"logpipe dev ", `processor "scrub" from example.com/me/scrub (local)`, `processor "mask" from example.com/me/sub/masks (local)`} {
		if !strings.Contains(version, want) {
			t.Errorf("version:\n%swithout %s", version, want)
		}
	}
	out, err := exec.Command(binary, "plugins", "scrub").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Does nothing.") {
		t.Errorf("%v: %s", err, out)
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(one, "scrub.go"), filepath.Join(two, "sub"), filepath.Join(workingCopy(t).Folder, "cmd")} {
		if bytes.Contains(text, []byte(path)) {
			t.Errorf("the binary has the path %s of this machine in it", path)
		}
	}
	if bytes.Contains(text, []byte("ld-linux")) {
		t.Error("the binary is not static")
	}
}

// What a version of logpipe is built with must be that version, or the tests of a release say nothing of the binary.
func TestBuildOfVersions(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles logpipe")
	}
	p := newProxy(t)
	p.publish("example.com/me/scrub", "v1.0.0", map[string]string{"go.mod": requires("example.com/me/scrub", "v1.2.3"), "scrub.go": scrub})
	p.publish("example.com/me/scrub", "v1.1.0", map[string]string{"go.mod": requires("example.com/me/scrub", "v1.5.0"), "scrub.go": scrub})
	old := strings.Replace(scrub, "func (transform)", "var _ = engine.Gone\n\nfunc (transform)", 1)
	p.publish("example.com/me/old", "v1.0.0", map[string]string{"go.mod": requires("example.com/me/old", "v1.2.3"), "old.go": old})
	engine := Engine{Version: "v1.2.3"}

	t.Run("works", func(t *testing.T) {
		_, version, err := run(t, t.Context(), engine, "example.com/me/scrub@v1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(version, "logpipe v1.2.3 ") || !strings.Contains(version, "from example.com/me/scrub v1.0.0\n") {
			t.Errorf("version:\n%s", version)
		}
	})
	for name, c := range map[string]struct {
		engine Engine
		with   string
		want   []string
	}{
		"the plugin needs a newer logpipe": {engine, "example.com/me/scrub", []string{"example.com/me/scrub@v1.1.0 needs logpipe v1.5.0, and this is v1.2.3", "--logpipe v1.5.0"}},
		"the plugin was written for an older logpipe": {engine, "example.com/me/old", []string{
			"example.com/me/old does not compile with logpipe v1.2.3: it was perhaps written for another version", "undefined: engine.Gone"}},
		"no such version":             {engine, "example.com/me/scrub@v9.9.9", []string{"example.com/me/scrub@v9.9.9"}},
		"no such module":              {engine, "example.com/me/nosuch", []string{"example.com/me/nosuch@latest is not found: check the path"}},
		"no such package":             {engine, "example.com/me/scrub/sub@v1.0.0", []string{"example.com/me/scrub/sub"}},
		"no such version of logpipe":  {Engine{Version: "v1.7.7"}, "example.com/me/scrub@v1.0.0", []string{modulePath + "@v1.7.7 is not found"}},
		"no such version by its form": {Engine{Version: "v7.7.7"}, "example.com/me/scrub@v1.0.0", []string{modulePath + "@v7.7.7: there is no such version"}},
	} {
		t.Run(name, func(t *testing.T) { fails(t, c.engine, []string{c.with}, c.want...) })
	}
}

// fails builds, and wants an error with these texts in it.
func fails(t *testing.T, e Engine, with []string, want ...string) {
	t.Helper()
	_, _, err := run(t, t.Context(), e, with...)
	if err == nil {
		t.Fatal("it builds")
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("got: %v\nwant: %s", err, text)
		}
	}
	t.Log(err)
}

func TestErrorsInWords(t *testing.T) {
	mod := requires("example.com/me/x", "v0.0.0")
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no Plugin":        {map[string]string{"go.mod": mod, "x.go": "package x\n"}, "example.com/me/x states no plugin"},
		"a program":        {map[string]string{"go.mod": mod, "x.go": "package main\n\nfunc main() {}\n"}, "example.com/me/x is a program"},
		"no Go file":       {map[string]string{"go.mod": mod}, "there is no Go file in "},
		"no Go":            {map[string]string{"go.mod": mod, "x.go": "packag x\n"}, "example.com/me/x"},
		"no plugin in it":  {map[string]string{"go.mod": mod, "x.go": "package x\n\nvar Plugin = 1\n"}, "a variable Plugin or Plugins is none"},
		"a newer Go":       {map[string]string{"go.mod": strings.Replace(mod, "go 1.26.0", "go 1.99.0", 1), "x.go": scrub}, "needs Go 1.99.0, and this machine has Go 1."},
		"the name of ours": {map[string]string{"go.mod": mod, "x.go": strings.Replace(scrub, `"scrub"`, `"json"`, 1)}, `there are two plugins processor "json", from ` + modulePath + "/plugins/processors/json and from example.com/me/x"},
		"a field that no file can have": {map[string]string{"go.mod": mod, "x.go": strings.ReplaceAll(scrub, "struct{}", "C") + "\ntype C struct{ F chan int `hcl:\"f\"` }\n"},
			"cannot be read from a file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOTOOLCHAIN", "local")
			c.files["x.go"] = strings.Replace(c.files["x.go"], "C{ return C{}{} }", "C { return C{} }", 1)
			if c.files["x.go"] == "" {
				delete(c.files, "x.go")
			}
			fails(t, workingCopy(t), []string{folder(t, c.files)}, c.want)
		})
	}
}

func TestWithoutANetwork(t *testing.T) {
	t.Run("forbidden", func(t *testing.T) {
		t.Setenv("GOPROXY", "off")
		fails(t, workingCopy(t), []string{"example.com/me/scrub@v1.0.0"}, "example.com/me/scrub@v1.0.0 is not on this machine, and GOPROXY=off forbids to fetch it")
	})
	t.Run("nobody answers", func(t *testing.T) {
		t.Setenv("GOPROXY", "http://127.0.0.1:1")
		fails(t, workingCopy(t), []string{"example.com/me/scrub@v1.0.0"}, "example.com/me/scrub@v1.0.0 cannot be fetched, because the network does not answer (dial tcp 127.0.0.1:1")
	})
}

func TestWithoutGo(t *testing.T) {
	dir := folder(t, map[string]string{"go.mod": requires("example.com/me/x", "v0.0.0"), "x.go": scrub})
	t.Setenv("PATH", t.TempDir())
	fails(t, workingCopy(t), []string{dir}, "there is no Go on this machine", "https://go.dev/dl/")
}

// Somebody who changes their mind must not have to clean up, nor find a compiler that still runs.
func TestInterrupted(t *testing.T) {
	dir := folder(t, map[string]string{"go.mod": requires("example.com/me/x", "v0.0.0"), "x.go": scrub})
	t.Setenv("GOCACHE", t.TempDir()) // so that it has to compile everything
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	temp, out := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	log, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, Options{With: []string{dir}, Engine: workingCopy(t), Output: filepath.Join(out, "mine"), Log: write})
		_ = write.Close()
		done <- err
	}()
	text := make([]byte, 4096)
	for said := ""; !strings.Contains(said, "building\n"); {
		n, err := log.Read(text)
		said += string(text[:n])
		if err != nil {
			t.Fatal(<-done)
		}
	}
	// It compiles now: as soon as the toolchain's own temporary files are there.
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if found, _ := filepath.Glob(filepath.Join(temp, "logpipe-build-*", "go-build*")); found != nil {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the toolchain never began")
		default:
		}
	}
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
	for _, d := range []string{temp, out} {
		if left, _ := os.ReadDir(d); len(left) != 0 {
			t.Errorf("%s is left", left[0].Name())
		}
	}
}

func TestMistakesOfTheCommandLine(t *testing.T) {
	empty, homeless := t.TempDir(), folder(t, map[string]string{"x.go": scrub})
	module := folder(t, map[string]string{"go.mod": requires("example.com/me/x", "v0.0.0"), "x.go": scrub})
	for with, want := range map[string]string{
		"scrub":                          "is no import path",
		"./nosuch":                       "there is no folder",
		"example.com/x=":                 "there is no folder",
		"example.com/x@v1.0.0=" + module: "a folder has no version",
		"example.com/y=" + module:        "is called example.com/me/x; write --with example.com/me/x=",
		empty:                            "there is no Go file in",
		homeless:                         "is in no Go module",
	} {
		_, err := parseAll([]string{with})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", with, err, want)
		}
	}
	if _, err := parseAll([]string{module, module}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("named twice: %v", err)
	}
	if _, err := parseAll(nil); err == nil || !strings.Contains(err.Error(), "which plugins?") {
		t.Errorf("nothing named: %v", err)
	}
	for _, output := range []string{empty, filepath.Join(empty, "nosuch", "logpipe")} {
		_, err := Run(t.Context(), Options{With: []string{module}, Output: output})
		if _, ok := errors.AsType[Usage](err); !ok {
			t.Errorf("-o %s: %v", output, err)
		}
	}
}
