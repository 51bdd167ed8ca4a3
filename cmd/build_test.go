package cmd

import (
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/describe"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestBuildSaysWhatIsMissing(t *testing.T) {
	for args, want := range map[string]string{
		"build":                             "this logpipe was built from a working copy",
		"build --logpipe v1.2.3":            "which plugins? Give --with and a package",
		"build --logpipe nosuch --with ./x": "--logpipe nosuch: this is neither a version",
		"build --logpipe v1.2.3 --with ./x": `there is no folder "./x"`,
		"build redact":                      "unknown command",
	} {
		got := command(t, nil, strings.Fields(args)...)
		if got.code != cli.ExitUsage || !strings.Contains(got.err, want) || !strings.Contains(got.err, "Run 'logpipe build --help' for usage.") {
			t.Errorf("%s: %+v, want %s", args, got, want)
		}
	}
}

// Ctrl-C in the middle of the compiler's work must leave nothing: no folder, no half of a binary, no process.
func TestBuildInterrupted(t *testing.T) {
	dir, temp, out := t.TempDir(), t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/me/x\n\ngo 1.26.0\n\nrequire " + describe.ModulePath + " v0.0.0\n",
		"x.go":   "package x\n\nimport \"" + describe.ModulePath + "/engine\"\n\nvar Plugin engine.Plugin\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, func(c *exec.Cmd) {
		c.Env = append(c.Env, "TMPDIR="+temp, "GOCACHE="+t.TempDir()) // so that it has to compile everything
	}, "build", "--logpipe", "..", "--with", dir, "-o", filepath.Join(out, "logpipe"))
	p.until("it compiles", func() bool {
		found, _ := filepath.Glob(filepath.Join(temp, "logpipe-build-*", "go-build*"))
		return found != nil
	})
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != cli.ExitRuntime || !strings.Contains(p.stderr(), "interrupted; nothing is left behind") {
		t.Errorf("exit code %d: %s", code, p.stderr())
	}
	for _, d := range []string{temp, out} {
		if left, _ := os.ReadDir(d); len(left) > 0 {
			t.Errorf("%s is left", left[0].Name())
		}
	}
}
