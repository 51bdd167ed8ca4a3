package mask

import (
	"errors"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

func newTransform(t *testing.T, c Config) engine.Transform {
	t.Helper()
	p, err := New(c, engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var passwords = Config{Patterns: []string{`(password=)[^ ]+`, `\b[0-9]{16}\b`}, With: "${1}***"}

func TestSuite(t *testing.T) {
	enginetest.TestTransform(t, func(t *testing.T) engine.Transform { return newTransform(t, passwords) }, "password=a", "", "plain", "\xff")
}

// A secret that stays in one of two places is still told to everybody who reads the logs.
func TestMasksEveryMatch(t *testing.T) {
	for body, want := range map[string]string{
		"user=a password=b x":               "user=a password=*** x",
		"password=a password=b":             "password=*** password=***",
		"card 4111111111111111, not 411111": "card ***, not 411111",
		"nothing to hide":                   "nothing to hide",
	} {
		source := []byte(body)
		b := enginetest.NewBatch()
		b.Messages = []engine.Message{{Body: source}}
		if err := newTransform(t, passwords).Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if got := string(b.Messages[0].Body); got != want {
			t.Errorf("%q became %q, want %q", body, got, want)
		}
		if string(source) != body {
			t.Errorf("the bytes of the source became %q; its input may send them again", source)
		}
	}
}

func TestValidateNamesThePattern(t *testing.T) {
	err := Config{Patterns: []string{"ok", "("}}.Validate()
	var attr *engine.AttrError
	if !errors.As(err, &attr) || attr.Attr != "patterns" {
		t.Errorf("got %v, want an error of the attribute patterns", err)
	}
}
