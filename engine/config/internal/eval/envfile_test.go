package eval_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/config/internal/eval"
)

func TestParseEnvFile(t *testing.T) {
	const file = "\ufeff# a comment\r\n" + `
A=1
export B=two words   # comment
  C = spaced
D="quoted # text\n\"x\" \\ \$HOME\t." # comment
E='it is $HOME\n'
F=
G=http://host/#anchor
H=#nothing
_9=under
A=again
I="" 
export J='x'
K=a=b
`
	got, err := eval.ParseEnvFile(strings.NewReader(file))
	want := map[string]string{
		"A": "again", "B": "two words", "C": "spaced", "D": "quoted # text\n\"x\" \\ $HOME\t.", "E": `it is $HOME\n`, "F": "",
		"G": "http://host/#anchor", "H": "", "_9": "under", "I": "", "J": "x", "K": "a=b",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// An error names the line, and never what may be a password.
func TestParseEnvFileErrors(t *testing.T) {
	const file = `OK=1
hunter2
9A=hunter2
A-B=hunter2
=hunter2
P="hunter2
Q='hunter2
R="hunter2" more
S="hunter2\x"
`
	want := `line 2: no = in it; write NAME=VALUE
line 3: what is left of = is no name; use letters, digits and _, and no digit first
line 4: what is left of = is no name; use letters, digits and _, and no digit first
line 5: what is left of = is no name; use letters, digits and _, and no digit first
line 6: P: a double quote is not closed on its line
line 7: Q: a single quote is not closed on its line
line 8: R: there is text after the closing quote
line 9: S: a backslash is followed by what is no escape; write \\ for a backslash, or use single quotes`
	if _, err := eval.ParseEnvFile(strings.NewReader(file)); err == nil || cmp.Diff(want, err.Error()) != "" {
		t.Error(cmp.Diff(want, err.Error()))
	}
	for _, bad := range []string{"A=\xff", "A=\x00", strings.Repeat("#", 2<<20)} {
		if _, err := eval.ParseEnvFile(strings.NewReader(bad)); err == nil {
			t.Errorf("%.20q is taken", bad)
		}
	}
	broken := errors.New("broken")
	if _, err := eval.ParseEnvFile(failingReader{error: broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type failingReader struct{ error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.error }

func FuzzParseEnvFile(f *testing.F) {
	f.Add("A=1\nexport B=\"x\\n\" # y\nC='z'\n")
	f.Fuzz(func(t *testing.T, text string) {
		vars, err := eval.ParseEnvFile(strings.NewReader(text))
		if err != nil && vars != nil {
			t.Error("values and an error")
		}
	})
}
