package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Options say what is built.
type Options struct {
	With   []string  // packages with plugins: PATH, PATH@VERSION, PATH=FOLDER or FOLDER
	Engine Engine    // which logpipe
	Output string    // the binary
	Log    io.Writer // one line for each step
	Trace  bool      // also each command of the toolchain, with what it says
}

// Usage is a mistake in what was asked for, found before anything was done.
type Usage struct{ error }

// Run builds the binary, and leaves nothing else behind, also when ctx ends. It returns what the binary says of itself.
func Run(ctx context.Context, o Options) (version string, err error) {
	packages, err := parseAll(o.With)
	if err != nil {
		return "", Usage{err}
	}
	if err := checkOutput(o.Output); err != nil {
		return "", Usage{err}
	}
	dir, err := os.MkdirTemp("", "logpipe-build-")
	if err != nil {
		return "", err
	}
	b := &builder{Options: o, packages: packages, dir: dir, binary: filepath.Join(dir, "logpipe")}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	version, err = b.run(ctx)
	if ctx.Err() != nil {
		return "", fmt.Errorf("interrupted; nothing is left behind")
	}
	return version, err
}

type builder struct {
	Options
	packages []pkg
	dir      string // is gone at the end; the toolchain's own temporary files are in it too
	binary   string
	tool     toolchain
}

func (b *builder) run(ctx context.Context) (version string, err error) {
	if b.tool, err = findToolchain(ctx, b.dir, b.trace()); err != nil {
		return "", err
	}
	for _, step := range []func(context.Context) error{b.require, b.checkEngine, b.writeMain, b.compile} {
		if err := step(ctx); err != nil {
			return "", err
		}
	}
	if version, err = b.tryOut(ctx); err != nil {
		return "", err
	}
	return version, install(b.binary, b.Output)
}

func (b *builder) trace() io.Writer {
	if b.Trace {
		return b.Log
	}
	return io.Discard
}

// require writes a go.mod that asks for logpipe and for the packages.
func (b *builder) require(ctx context.Context) error {
	fmt.Fprintf(b.Log, "taking logpipe %s\n", b.Engine)
	if err := os.WriteFile(filepath.Join(b.dir, "go.mod"), []byte(goMod(b.Engine, b.packages)), 0o600); err != nil {
		return err
	}
	if _, err := b.tool.run(ctx, "list", "-m", modulePath); err != nil {
		return inWords(err, b.Engine.module())
	}
	for _, p := range b.packages {
		if p.folder != "" {
			continue
		}
		fmt.Fprintf(b.Log, "taking %s\n", p)
		if _, err := b.tool.run(ctx, "get", p.path+"@"+p.version); err != nil {
			return inWords(err, p.String())
		}
	}
	return nil
}

// checkEngine finds a package that needs a newer logpipe: the toolchain would take that, and say nothing.
func (b *builder) checkEngine(ctx context.Context) error {
	if b.Engine.Folder != "" {
		return nil // it stands for every version
	}
	selected, err := b.tool.run(ctx, "list", "-m", "-f", "{{.Version}}", modulePath)
	if err != nil {
		return inWords(err, modulePath)
	}
	selected = strings.TrimSpace(selected)
	if selected == b.Engine.Version {
		return nil
	}
	var by []string
	graph, _ := b.tool.run(ctx, "mod", "graph") // for the text only
	for line := range strings.Lines(graph) {
		who, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		if what == modulePath+"@"+selected && who != mainModule {
			by = append(by, who)
		}
	}
	if by == nil {
		by = []string{"a package"}
	}
	return fmt.Errorf("%s needs logpipe %s, and this is %s: use that logpipe, or build with --logpipe %[2]s", strings.Join(by, ", "), selected, b.Engine.Version)
}

func (b *builder) writeMain(ctx context.Context) error {
	for i := range b.packages {
		p := &b.packages[i]
		if err := b.inspect(ctx, p); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(b.dir, "main.go"), []byte(mainSource(b.packages)), 0o600)
}

// compile makes a static binary without paths of this machine in it.
func (b *builder) compile(ctx context.Context) error {
	fmt.Fprintf(b.Log, "building\n")
	flags := "-s -w -X " + modulePath + "/cmd.Version=" + b.Engine.label()
	_, err := b.tool.run(ctx, "build", "-trimpath", "-ldflags", flags, "-o", b.binary, ".")
	return compileError(err, b.Engine)
}

// tryOut starts the binary, which finds two plugins of one name, and configurations that no file can be decoded into. What is built for
// another machine cannot be started here.
func (b *builder) tryOut(ctx context.Context) (version string, err error) {
	target, err := b.tool.run(ctx, "env", "GOOS", "GOARCH")
	if err != nil {
		return "", err
	}
	if t := strings.Fields(target); len(t) != 2 || t[0] != runtime.GOOS || t[1] != runtime.GOARCH {
		return "logpipe " + b.Engine.label() + " for " + strings.Join(t, "/") + ", not tried out on this machine\n", nil
	}
	var stderr strings.Builder
	c := exec.CommandContext(ctx, b.binary, "version")
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		line, _, _ := strings.Cut(stderr.String(), "\n")
		return "", fmt.Errorf("the binary does not start: %s", strings.TrimPrefix(line, "logpipe: internal error: "))
	}
	return string(out), nil
}

// checkOutput finds before the work what would make it useless.
func checkOutput(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder: name the binary, as in -o %s", path, filepath.Join(path, "logpipe"))
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s for the binary", filepath.Dir(path))
	}
	return nil
}

// install puts the binary in its place: all of it or nothing, and also over one that runs.
func install(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), ".logpipe-build-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(out.Name()) // the error before says more
		}
	}()
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(0o755), out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return os.Rename(out.Name(), to)
}
