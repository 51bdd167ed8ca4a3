package jsonscan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// allTexts are the strings of data as NextText gives them, names with a colon behind them.
func allTexts(data []byte) (all []string) {
	for text, i := NextText(data, 0); i >= 0; text, i = NextText(data, i) {
		s := string(AppendUnescaped(nil, data[text.From:text.To]))
		if text.Key {
			s += ":"
		}
		all = append(all, s)
	}
	return all
}

func TestNextText(t *testing.T) {
	for body, want := range map[string][]string{
		`{"a":"b", "c" : ["d", {"e":1}], "f":"\":"}`: {"a:", "b", "c:", "d", "e:", "f:", `":`},
		`"alone"`:                {"alone"},
		`["\ud83d\ude00\ud83d"]`: {"😀\ufffd"},
		`[1, true]`:              nil,
		`{"":""}`:                {":", ""},
	} {
		if diff := cmp.Diff(want, allTexts([]byte(body))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", body, diff)
		}
	}
}

// readTexts is allTexts written with encoding/json.
func readTexts(data []byte) (all []string) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return all
		}
		if s, ok := token.(string); ok {
			if rest := bytes.TrimLeft(data[dec.InputOffset():], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
				s += ":"
			}
			all = append(all, s)
		}
	}
}

// A string that is not found, or found in a wrong place, is one whose secrets stay or a body that is broken.
func FuzzNextText(f *testing.F) {
	for _, body := range bodies {
		if len(body) < 1000 {
			f.Add([]byte(`{"a\n":[` + body + `,"\u00e9"],"b" :` + body + `}`))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) || !utf8.Valid(data) {
			return
		}
		if diff := cmp.Diff(readTexts(data), allTexts(data)); diff != "" {
			t.Fatalf("%q: (-want +got)\n%s", data, diff)
		}
	})
}

func TestRawSpan(t *testing.T) {
	const raw = `a\u00e9\n\ud83d\ude00b\ud83d\"c`
	text := string(AppendUnescaped(nil, []byte(raw)))
	for part, want := range map[string]string{
		"a": "a", "é": `\u00e9`, "\n": `\n`, "😀": `\ud83d\ude00`, "b": "b", "\ufffd": `\ud83d`, `"c`: `\"c`, "c": "c",
		"aé\n": `a\u00e9\n`, "\n😀b": `\n\ud83d\ude00b`, text: raw,
	} {
		from := strings.Index(text, part)
		got := RawSpan([]byte(raw), Span{from, from + len(part)})
		if raw[got.From:got.To] != want {
			t.Errorf("%q is %q, want %q", part, raw[got.From:got.To], want)
		}
	}
}

// What is put in the place of a part of a string must neither cut an escape in two nor leave some of the part.
func FuzzRawSpan(f *testing.F) {
	f.Add(`a\u00e9\n\ud83d\ude00b\ud83d\"c`, 1, 4)
	f.Add(`\ud83d\ud83d\ude00`, 3, 7)
	f.Fuzz(func(t *testing.T, raw string, from, to int) {
		if _, err := Check([]byte(`"` + raw + `"`)); err != nil {
			return
		}
		text := AppendUnescaped(nil, []byte(raw))
		if utf8.ValidString(raw) {
			var want string
			if err := json.Unmarshal([]byte(`"`+raw+`"`), &want); err != nil || string(text) != want {
				t.Fatalf("%q says %q, want %q: %v", raw, text, want, err)
			}
		}
		if from < 0 || to < from || to > len(text) || !runeBoundary(text, from) || !runeBoundary(text, to) {
			return
		}
		got := RawSpan([]byte(raw), Span{from, to})
		parts := [][]byte{[]byte(raw)[:got.From], []byte(raw)[got.From:got.To], []byte(raw)[got.To:]}
		for i, want := range [][]byte{text[:from], text[from:to], text[to:]} {
			if got := AppendUnescaped(nil, parts[i]); !bytes.Equal(got, want) {
				t.Fatalf("part %d of %q is %q, want %q of %q", i, raw, parts[i], want, text)
			}
		}
	})
}

func runeBoundary(text []byte, i int) bool {
	for at := range string(text) {
		if at == i {
			return true
		}
	}
	return i == len(text)
}
