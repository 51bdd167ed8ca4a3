package build

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// tree is the root of logpipe's module.
const tree = "../../.."

// source is a file of a module.
type source struct{ path, text string }

func (f source) Path() string                 { return f.path }
func (f source) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(f.text)), nil }
func (f source) Lstat() (fs.FileInfo, error)  { return info{f}, nil }

// info is what zip.Create looks at: name, size and mode.
type info struct{ source }

func (f info) Name() string       { return filepath.Base(f.path) }
func (f info) Size() int64        { return int64(len(f.text)) }
func (f info) Mode() fs.FileMode  { return 0o644 }
func (f info) ModTime() time.Time { return time.Time{} }
func (f info) IsDir() bool        { return false }
func (f info) Sys() any           { return nil }

// proxy is a folder that the go command reads modules from, in place of a server: GOPROXY=file://….
type proxy struct {
	t   *testing.T
	dir string
}

// publish puts a version of a module there.
func (p proxy) publish(path, version string, files map[string]string) {
	p.t.Helper()
	var all []zip.File
	for name, text := range files {
		all = append(all, source{name, text})
	}
	var packed bytes.Buffer
	if err := zip.Create(&packed, module.Version{Path: path, Version: version}, all); err != nil {
		p.t.Fatal(err)
	}
	dir := filepath.Join(p.dir, path, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	list, _ := os.ReadFile(filepath.Join(dir, "list"))
	for name, text := range map[string]string{
		version + ".info": fmt.Sprintf(`{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, version),
		version + ".mod":  files["go.mod"],
		version + ".zip":  packed.String(),
		"list":            string(list) + version + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
}

// logpipeFiles is the source of logpipe as it is in a module: what the command consists of.
func logpipeFiles(t *testing.T) map[string]string {
	files := map[string]string{}
	take := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(tree, path)
		files[filepath.ToSlash(rel)] = string(text)
	}
	take(filepath.Join(tree, "go.mod"))
	for _, dir := range []string{"cmd", "engine", "internal", "plugins"} {
		err := filepath.WalkDir(filepath.Join(tree, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "testdata", d.IsDir() && d.Name() == "bench":
				return fs.SkipDir
			case d.Type().IsRegular() && !strings.HasSuffix(path, "_test.go"):
				take(path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// requires is a go.mod.
func requires(module, logpipe string) string {
	return fmt.Sprintf("module %s\n\ngo 1.26.0\n\nrequire %s %s\n", module, modulePath, logpipe)
}

// scrub is a package with one plugin.
const scrub = `// Package scrub is a plugin.
package scrub

import (
	"context"

	"github.com/logpipe/logpipe/engine"
)

var Plugin = engine.NewTransform("scrub", "Does nothing.", func() struct{} { return struct{}{} }, New)

func New(struct{}, engine.Env) (engine.Transform, error) { return transform{}, nil }

type transform struct{}

func (transform) Process(context.Context, *engine.Batch) error { return nil }
`

// goEnv is one setting of the go command on this machine.
func goEnv(t *testing.T, name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// newProxy makes a proxy that has logpipe v1.2.3 and v1.5.0. What they need comes from what this machine has fetched already, and the module
// cache is of the test alone: a module that is called logpipe must not stay on the machine.
func newProxy(t *testing.T) proxy {
	p := proxy{t, t.TempDir()}
	files := logpipeFiles(t)
	p.publish(modulePath, "v1.2.3", files)
	p.publish(modulePath, "v1.5.0", files)
	t.Setenv("GOPROXY", "file://"+p.dir+",file://"+filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download"))
	t.Setenv("GOCACHE", goEnv(t, "GOCACHE"))
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOFLAGS", "-modcacherw") // so that the test can remove it
	return p
}
