package clip

import "testing"

// A text that is cut within a letter is no UTF-8 any more, and a receiver of JSON or a terminal shows a wrong one.
func TestTo(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"aü", 3, "aü"}, {"aüb", 2, "a…"}, {"aüb", 3, "aü…"}, {"日本", 5, "日…"}, {"日", 1, "…"},
	} {
		if got := To(c.text, c.most); got != c.want {
			t.Errorf("%q at %d bytes is %q, want %q", c.text, c.most, got, c.want)
		}
	}
}
