package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/logpipe/logpipe/cmd/internal/cli"
)

const (
	ugly   = "pipeline \"numbers\" {\ninput \"numbers\" {\ncount=1\n  stay    = true\n}\noutput \"sink\" {}\n}\n"
	pretty = "pipeline \"numbers\" {\n  input \"numbers\" {\n    count = 1\n    stay  = true\n  }\n  output \"sink\" {}\n}\n"
	broken = "pipeline \"numbers\" {\n  input {{{\n"
)

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFmt(t *testing.T) {
	file := write(t, "ugly.hcl", ugly)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.hcl")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	check := command(t, nil, "fmt", "--check", link)
	if diff := cmp.Diff(outcome{cli.ExitDiffers, link + "\n", ""}, check, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("--check:\n%s", diff)
	}
	if got := contents(t, file); got != ugly {
		t.Fatalf("--check changed the file:\n%s", got)
	}
	changed := command(t, nil, "fmt", link)
	if diff := cmp.Diff(outcome{cli.ExitOK, link + "\n", ""}, changed, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("fmt:\n%s", diff)
	}
	if diff := cmp.Diff(pretty, contents(t, file)); diff != "" {
		t.Errorf("contents:\n%s", diff)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v; want 0640", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no link any more")
	}
	for _, args := range [][]string{{"fmt", file}, {"fmt", "--check", file}} {
		if got := command(t, nil, args...); got != (outcome{}) {
			t.Errorf("%v of a formatted file: %+v", args, got)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("files are left behind: %v", left)
	}
}

// Mistakes in what a pipeline means are no reason not to format it; editors format unfinished files.
func TestFmtFormatsWhatIsNotValid(t *testing.T) {
	file := write(t, "half.hcl", strings.ReplaceAll(ugly, "sink", "no such plugin"))
	got := command(t, nil, "fmt", file)
	if got.code != cli.ExitOK || contents(t, file) == ugly {
		t.Errorf("%+v", got)
	}
}

// A file that cannot be read as HCL stays as it is, and the others are formatted all the same.
func TestFmtLeavesBrokenFilesAlone(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.hcl": broken, "b.hcl": ugly, "c.txt": ugly, ".d.hcl": ugly} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := command(t, nil, "fmt", dir)
	if got.code != cli.ExitConfig || got.out != filepath.Join(dir, "b.hcl")+"\n" || !strings.Contains(got.err, "a.hcl:2:") {
		t.Errorf("%+v", got)
	}
	for name, want := range map[string]string{"a.hcl": broken, "b.hcl": pretty, "c.txt": ugly, ".d.hcl": ugly} {
		if got := contents(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func TestFmtStandardInput(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		args []string
		want outcome
	}{
		"formats":           {ugly, []string{"fmt", "-"}, outcome{cli.ExitOK, pretty, ""}},
		"passes on":         {pretty, []string{"fmt", "-"}, outcome{cli.ExitOK, pretty, ""}},
		"check, differs":    {ugly, []string{"fmt", "--check", "-"}, outcome{cli.ExitDiffers, "<stdin>\n", ""}},
		"check, formatted":  {pretty, []string{"fmt", "--check", "-"}, outcome{}},
		"nothing at all":    {"", []string{"fmt", "-"}, outcome{}},
		"check of no input": {"", []string{"fmt", "--check", "-"}, outcome{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := commandWith(t, Streams{In: strings.NewReader(tt.in)}, nil, tt.args...)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	got := commandWith(t, Streams{In: strings.NewReader(broken)}, nil, "fmt", "-")
	if got.code != cli.ExitConfig || got.out != "" || !strings.Contains(got.err, "<stdin>:2:") {
		t.Errorf("broken: %+v", got)
	}
}

func TestFmtOfAnEmptyFolder(t *testing.T) {
	dir := t.TempDir()
	if got := command(t, nil, "fmt", dir); got.code != cli.ExitConfig || !strings.Contains(got.err, dir+" has no *.hcl files") {
		t.Errorf("%+v", got)
	}
}

// What the disk does is no mistake in a configuration, nor in the command line.
func TestFmtReportsWhatFails(t *testing.T) {
	got := commandWith(t, Streams{In: failingReader{}}, nil, "fmt", "-")
	if got.code != cli.ExitRuntime || got.err != "logpipe: the disk is gone\n" {
		t.Errorf("%+v", got)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }
