package jsonappend

import (
	"encoding/json"
	"testing"
)

// Whoever reads what is written here must find what the standard library would have written: a text that comes back another one is a log that was changed.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\/\n\r\t\x00\x1f\x7f", "ü€😀\u2028", "\x00\xff\xfe", "a\xe2\x82", "\xed\xa0\x80", "\ufeff{}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(Text(nil, s), &got); err != nil || got != want {
			t.Errorf("%q became %q (%v), want %q", s, got, err, want)
		}
	})
}
