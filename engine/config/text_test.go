package config_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/config"
)

const wrong = "pipeline \"a\" {\n\tinput \"generator\" {\n\t\tcuont = 5\n\t}\n\toutput \"stdout\" {}\n}\n"

func TestWriteTextInColour(t *testing.T) {
	_, found := config.LoadSource("a.hcl", []byte(wrong), options(nil))
	var got bytes.Buffer
	found.WriteText(&got, true, 80)
	want := "\x1b[1;31mError: \x1b[0m\x1b[1minput \"generator\" has no attribute cuont\x1b[0m\n" +
		"  on a.hcl:3:3, in input \"generator\":\n" +
		"    \x1b[36m3 | \x1b[0m        cuont = 5\n" +
		"     \x1b[36m | \x1b[0m        \x1b[1;31m^^^^^\x1b[0m\n" +
		"  Did you mean count?\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

// Whatever the width, no line of text is longer, and what is meant stays in view.
func TestWriteTextKeepsToTheWidth(t *testing.T) {
	for _, file := range []string{"long_line", "wide_characters", "twelve", "template_variable"} {
		src := read(t, "testdata/invalid/"+file+".hcl")
		_, found := config.LoadSource("a.hcl", src, options(src))
		for width := 40; width < 140; width++ {
			var got bytes.Buffer
			found.WriteText(&got, false, width)
			for line := range strings.Lines(got.String()) {
				line = strings.TrimSuffix(line, "\n")
				if utf8.RuneCountInString(line) > width && strings.Contains(strings.TrimSpace(line), " ") &&
					!strings.HasPrefix(line, "  on ") && !strings.HasPrefix(line, "  the first") && !strings.HasPrefix(line, "  what ") {
					t.Errorf("%s at %d: %s", file, width, line)
				}
			}
			if n := strings.Count(got.String(), "^"); n < len(found.All()) {
				t.Errorf("%s at %d: only %d carets", file, width, n)
			}
		}
	}
}

// A file cannot write to the terminal of whoever checks it.
func TestWriteTextIsHarmless(t *testing.T) {
	evil := "\x1b]0;title\x07\u202etxt.exe\u009b31m\u2028"
	srcs := []string{
		"pipeline \"" + evil + "\" {}\n",
		evil + " = 5\n",
		"pipeline \"a\" {\n  " + evil + "\n}\n",
		"pipeline \"a\" {\n  input \"" + evil + "\" {}\n  output \"file\" {\n    path = \"${batch.partition[\"" + evil + "\"]}\"\n  }\n}\n",
		"pipeline \"a\" {\n  input \"amqp\" {\n    queue = [\"" + evil + "\"]\n    queue_type = \"" + evil + "\"\n    arguments = { \"" + evil + "\" = [1] }\n  }\n}\n",
	}
	for _, src := range srcs {
		_, found := config.LoadSource(evil+".hcl", []byte(src), options(nil))
		if !found.HasErrors() {
			t.Errorf("nothing wrong with %q", src)
		}
		for _, r := range text(found) {
			if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\u2028' {
				t.Errorf("%U comes out of %q", r, src)
			}
		}
	}
}

func TestWriteTextEnds(t *testing.T) {
	src := "pipeline \"a\" {\n" + strings.Repeat("  input \"x\" {}\n", 1000) + "}\n"
	_, found := config.LoadSource("a.hcl", []byte(src), options(nil))
	if got := text(found); !strings.HasSuffix(got, "\n… and 901 more.\n") || strings.Count(got, "Error:") != 100 {
		t.Errorf("…%s", got[len(got)-200:])
	}
	if found.Errors() != 1001 || found.Warnings() != 0 {
		t.Errorf("%d errors, %d warnings", found.Errors(), found.Warnings())
	}
}

func TestFormat(t *testing.T) {
	got, found := config.Format("a.hcl", []byte("pipeline \"a\" {\ninput \"generator\" {\ncount=5\n  rate   = 1\n}\n}\n"))
	want := "pipeline \"a\" {\n  input \"generator\" {\n    count = 5\n    rate  = 1\n  }\n}\n"
	if diff := cmp.Diff(want, string(got)); diff != "" || found.HasErrors() {
		t.Errorf("%s%s", diff, text(found))
	}
	src := []byte("pipeline \"a\" {\n")
	if got, found := config.Format("a.hcl", src); !bytes.Equal(got, src) || found.Errors() != 1 {
		t.Errorf("a file with a syntax error became %q, %s", got, text(found))
	}
}
