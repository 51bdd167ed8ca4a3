// Package howto does what docs/plugins-howto.md says, as a stranger would: it writes the files, runs the commands and compares what they say.
package howto

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const page = "../../docs/plugins-howto.md"

// fence is a block of code of the page: its language, the file that it is, and its text.
var fence = regexp.MustCompile("(?ms)^```(\\w+) ?([\\w.]*)\n(.*?)^```$")

// A stranger who follows the page and ends with an error does not come back.
func TestHowto(t *testing.T) {
	if testing.Short() {
		t.Skip("builds logpipe twice")
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	s := newStranger(t)
	blocks := fence.FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 8 {
		t.Fatalf("the page has %d blocks of code; is the pattern right?", len(blocks))
	}
	begun := time.Now()
	for _, b := range blocks {
		switch language, name, text := b[1], b[2], b[3]; {
		case language == "console":
			s.session(text)
		case name != "":
			s.write(name, text)
		default:
			t.Errorf("a block of %s is no file and no session:\n%s", language, text)
		}
	}
	t.Logf("from an empty folder to a binary with a plugin that passes its suite, and a run of it: %.1f s of this machine", time.Since(begun).Seconds())
}

// stranger is somebody with an empty folder, and a logpipe on PATH.
type stranger struct {
	*testing.T
	dir string
	env []string
}

func newStranger(t *testing.T) *stranger {
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "real", "logpipe"), "./cmd/logpipe")
	build.Dir = tree
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// The page speaks of a release, and this tree is to be tested: two of its commands get it from here.
	s := &stranger{t, t.TempDir(), append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GOFLAGS=", "GOWORK=off", "TREE="+tree)}
	s.program(bin, "logpipe", `[ "$1" = build ] && { shift; set -- build --logpipe "$TREE" "$@"; }; exec `+filepath.Join(bin, "real", "logpipe")+` "$@"`)
	s.program(bin, "go", `case "$1 $2" in
"install github.com/logpipe/logpipe/cmd/logpipe@latest") exit 0 ;;
"get github.com/logpipe/logpipe@latest") exec `+goPath(t)+` mod edit -require=github.com/logpipe/logpipe@v0.0.0 "-replace=github.com/logpipe/logpipe=$TREE" ;;
esac
exec `+goPath(t)+` "$@"`)
	return s
}

func goPath(t *testing.T) string {
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *stranger) program(dir, name, script string) {
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		s.Fatal(err)
	}
}

func (s *stranger) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
}

// session runs the commands of a block, each behind a "$ ", and compares what follows them. There … stands for the rest of a line.
func (s *stranger) session(text string) {
	s.Helper()
	for _, part := range strings.Split("\n"+text, "\n$ ")[1:] {
		command, want, _ := strings.Cut(part, "\n")
		begun := time.Now()
		got := s.run(command)
		s.Logf("%6.1f s  %s", time.Since(begun).Seconds(), command)
		if want = strings.TrimRight(want, "\n"); !matches(want, strings.TrimRight(got, "\n")) {
			s.Errorf("$ %s\n%s\nthe page shows:\n%s", command, got, want)
		}
	}
}

// run runs a command in the shell. The folder that it ends in is that of the next one.
func (s *stranger) run(command string) string {
	s.Helper()
	var out, pwd bytes.Buffer
	c := exec.Command("bash", "-c", "{ "+command+"; } 2>&1; code=$?; pwd >&2; exit $code")
	c.Dir, c.Env, c.Stdout, c.Stderr = s.dir, s.env, &out, &pwd
	if err := c.Run(); err != nil && !strings.Contains(command, "validate -") {
		s.Fatalf("$ %s\n%s%v", command, &out, err)
	}
	s.dir = strings.TrimSpace(pwd.String())
	return out.String()
}

func matches(want, got string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(got)
}

// What is compared must be able to differ.
func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want, got string
		is        bool
	}{{"a … c", "a b c", true}, {"a … c", "a b d", false}, {"a", "a\nb", false}, {"", "a", false}, {"a.c", "abc", false}} {
		if matches(c.want, c.got) != c.is {
			t.Errorf("%q and %q: %v", c.want, c.got, !c.is)
		}
	}
}
