package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// escapedAll is text as a JSON string in which each rune of the first plane is an escape.
func escapedAll(text string) string {
	out := `"`
	for _, r := range text {
		out += fmt.Sprintf(`\u%04x`, r)
	}
	return out + `"`
}

func decodedString(t *testing.T, body string) (s string) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return s
}

func presetTag(t *testing.T) string {
	field, ok := reflect.TypeFor[Config]().FieldByName("Preset")
	if !ok {
		t.Fatal("no field Preset")
	}
	return field.Tag.Get("values")
}

// token is one token of a body: its bytes with what stands before it, and the text of a string that is no name.
type token struct {
	raw, text string
	value     bool
}

func tokens(data []byte) (all []token) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	from := int64(0)
	for {
		read, err := dec.Token()
		if err != nil {
			return append(all, token{raw: string(data[from:])})
		}
		tok := token{raw: string(data[from:dec.InputOffset()])}
		from = dec.InputOffset()
		if s, ok := read.(string); ok {
			rest := bytes.TrimLeft(data[from:], " \t\r\n")
			tok.text, tok.value = s, len(rest) == 0 || rest[0] != ':'
		}
		all = append(all, tok)
	}
}

// Whatever a producer sends: what is valid JSON stays so; what is no hit stays byte for byte; what is a hit reads as if the pattern had been
// replaced in each string alone.
func FuzzPatterns(f *testing.F) {
	for _, body := range []string{
		`{"a":"pin=1","b":["pin=22 pin=3",{"pin=4":"x\u00e9pin=5\n"}],"c":12}`, `"\u0070\u0069n=\u0031\ud83d\ude00pin=2\ud83d"`, `pin=1`, `{"a":"pin=1"`, `[]`, `"pin="`,
		"{\"a\":\"\xffpin=9\"}", "\ufeff{\"a\":\"pin=9\"}", "\ufeffpin=9", " { \"a\" : \"pin=1\" } \n",
	} {
		f.Add([]byte(body))
	}
	expr := regexp.MustCompile(`(?i)pin=([0-9]+)`)
	c := with(func(c *Config) { c.Patterns, c.OnInvalid, c.Mask = []string{expr.String()}, pass, `<"\>` })
	p := create(f, c)
	f.Fuzz(func(t *testing.T, body []byte) {
		got := run(t, p, body)
		mark := jsonscan.Mark(body) // it stays
		if !bytes.HasPrefix(got, body[:mark]) {
			t.Fatalf("%q became %q", body, got)
		}
		body, got = body[mark:], got[mark:]
		if !json.Valid(body) {
			if wrapped(body) {
				return // FuzzRewrap and TestPresets say what becomes of it
			}
			if want := expr.ReplaceAll(body, []byte(`pin=<"\>`)); !bytes.EqualFold(got, want) {
				t.Fatalf("text %q became %q, want %q", body, got, want)
			}
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q became %q", body, got)
		}
		if !utf8.Valid(body) {
			return
		}
		before, after := tokens(body), tokens(got)
		if len(before) != len(after) {
			t.Fatalf("%q became %q", body, got)
		}
		for i, tok := range before {
			if wrapped([]byte(tok.text)) {
				continue
			}
			if !tok.value || !expr.MatchString(tok.text) {
				if tok.raw != after[i].raw {
					t.Errorf("%q of %q became %q", tok.raw, body, after[i].raw)
				}
				continue
			}
			want := expr.ReplaceAllStringFunc(tok.text, func(s string) string { return s[:4] + `<"\>` })
			if after[i].text != want {
				t.Errorf("%q of %q became %q, want %q", tok.text, body, after[i].text, want)
			}
		}
	})
}

// wrapped reports whether text reads otherwise once its escapes are resolved, and may have hits that its own expression does not see.
func wrapped(text []byte) bool { return appendUnwrapped(nil, text) != nil }

// Fields, presets and patterns together, in each way: no hit is left, and nothing breaks.
func FuzzProcess(f *testing.F) {
	for _, body := range []string{
		`{"a":"x","b":{"c":1,"d":"me@example.com"},"e":[{"a":null},{"b":[{"c":{}}]}]}`, `{"a":"\u0061@b.cd","a":4111111111111111,"m":"4111 1111 1111 1111 from 10.0.0.1"}`,
		`[{"b.c":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.x"}]`, `Bearer 0123456789abcdef amqp://u:p@h`, `{"m":"AKIAIOSFODNN7EXAMPLE -----BEGIN PRIVATE KEY-----\nx"}`,
	} {
		f.Add([]byte(body))
	}
	base := with(func(c *Config) {
		c.Fields, c.Preset, c.Patterns, c.OnInvalid = []string{"a", "b.c"}, presetNames(), []string{`\bpin (\d+)`}, pass
		c.HashKey = engine.NewSecret(testKey)
	})
	members := jsonscan.NewMembersFold(base.Fields...)
	ways := map[string]engine.Transform{}
	for _, way := range []string{withMask, withHash, withRemove} {
		c := base
		c.With = way
		ways[way] = create(f, c)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for way, p := range ways {
			got := run(t, p, body)
			if !json.Valid(body) { // also one with a mark, which cannot be put into another
				continue
			}
			if !json.Valid(got) {
				t.Fatalf("%s: %q became %q", way, body, got)
			}
			for _, m := range members.Find(got) {
				value := string(got[m.Value.From:m.Value.To])
				if way == withRemove || way == withMask && value != `"[redacted]"` && value != "null" || way == withHash && len(value) != hashDigits+2 && value != "null" {
					t.Fatalf("%s: %q became %q, which still has %s", way, body, got, value)
				}
			}
			around := fmt.Appendf(nil, `{"x":%s,"b":{"c":%s},"m":"pin 4711 \u0061lice@example.com"}`, body, body)
			want := map[string]string{withMask: `"m":"pin [redacted] [redacted]"}`, withRemove: `"m":"pin  "}`}[way]
			if got := run(t, p, around); !bytes.HasSuffix(got, []byte(want)) || !json.Valid(got) {
				t.Fatalf("%s: %q became %q, want %s at its end", way, around, got, want)
			}
		}
	})
}

// run redacts body and checks that its memory, and its neighbour's, stay as they were.
func run(t *testing.T, p engine.Transform, body []byte) []byte {
	arena := append(slices.Clone(body), "neighbour"...)
	b := &engine.Batch{Messages: []engine.Message{{Body: arena[:len(body):len(body)]}}}
	if err := p.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if string(arena) != string(body)+"neighbour" {
		t.Fatalf("%q: the source's bytes became %q", body, arena)
	}
	return b.Messages[0].Body
}

// A needle that is wrongly asked for would keep its pattern from every text that it should find.
func FuzzRequired(f *testing.F) {
	for _, expr := range []string{`pin=\d+`, `(?i)bearer\s+(\w+)`, `(ab)+c?`, `a{0,3}bc`, `x|yz`, `(?i)key`, `\x{fffd}a`, `^$`, `(?i:ab)cd`} {
		f.Add(expr, "xx pin=12 BEARER abc abab bc yz Key \xffa cd")
	}
	f.Add(`(?i)key`, "\u212aey")
	f.Add(`(?i)secret`, "\u017fecret")
	f.Fuzz(func(t *testing.T, expr, text string) {
		p, err := expression(expr)
		if err != nil {
			return
		}
		hits := p.find(nil, []byte(text))
		if len(hits) > 0 && !p.maybe([]byte(text)) {
			t.Errorf("%q has a match in %q and is kept from it", expr, text)
		}
	})
}

// A card's number is found by a look at every 13th byte; this is the plain search.
func FuzzCards(f *testing.F) {
	f.Add("x 4111 1111 1111 1111 2 4012888888881881-5555555555554444")
	f.Fuzz(func(t *testing.T, s string) {
		text := []byte(s)
		var want []jsonscan.Span
		for i := 0; i < len(text); i++ {
			if end := card(text, i); end > 0 {
				want = append(want, jsonscan.Span{From: i, To: end})
				i = end - 1
			}
		}
		cards := presets["credit_card"][0]
		if diff := cmp.Diff(want, cards.find(nil, text)); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", s, diff)
		}
		if maybe, _ := (patterns{cards}).look(text); maybe != (len(want) > 0) {
			t.Errorf("%q: maybe is wrong", s)
		}
	})
}

// A hit in what a text reads as is led back to where it is written. A byte too few there is a secret's, and one too many another's.
func FuzzRewrap(f *testing.F) {
	f.Add([]byte(`a%40b\u00e9%25%34x\n\"\ud83d\x41%4`), uint8(1), uint8(2), uint8(3))
	f.Add([]byte("%%%41\\\\n"), uint8(0), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, text []byte, skip, length, gap uint8) {
		view := appendUnwrapped(nil, text)
		if view == nil {
			return
		}
		if len(view) > len(text) {
			t.Fatalf("%q is longer when it is unwrapped: %q", text, view)
		}
		var hits, want []hit
		for from := int(skip); from+int(length) < len(view); from += int(length) + int(gap) + 1 {
			hits = append(hits, hit{Span: jsonscan.Span{From: from, To: from + int(length) + 1}})
		}
		want = slices.Clone(hits)
		rewrap(text, hits)
		for i, h := range hits {
			part := text[h.From:h.To]
			reads, wanted := unwrap(part, 1), view[want[i].From:want[i].To]
			if at := bytes.Index(reads, wanted); at < 0 || at >= utf8.UTFMax || len(reads)-at-len(wanted) >= utf8.UTFMax {
				t.Errorf("%q of %q is led back to %q, which reads %q", wanted, text, part, reads)
			}
		}
	})
}

// A text whose escapes are taken for harmless is not unwrapped: a hit in what it reads as would be stored.
func FuzzLookout(f *testing.F) {
	for _, texts := range presetTexts {
		for _, text := range texts {
			for _, mask := range []uint64{0, 1, 0b100, 0x5555555555555555, 0xf0f0, ^uint64(0)} {
				f.Add([]byte(strings.NewReplacer("«", "", "»", "").Replace(text)), mask)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, mask uint64) {
		var written []byte
		for i, c := range text {
			if mask>>(i%64)&1 == 0 {
				written = append(written, c)
			} else {
				written = fmt.Appendf(written, "%%%02x", c)
			}
		}
		for name, ps := range presets {
			finder := newFinder(ps)
			if _, near := ps.look(written); near || finder.lookout.hides(written) {
				continue
			}
			for view := appendUnwrapped(nil, written); view != nil; view = appendUnwrapped(nil, view) {
				for _, p := range ps {
					if hits := p.find(nil, view); len(hits) > 0 {
						t.Fatalf("%s: %q reads %q, which has the hit %q", name, written, view, view[hits[0].From:hits[0].To])
					}
				}
			}
		}
	})
}

// Addresses are sought around each "@"; this is the search in all of the text.
func FuzzEmail(f *testing.F) {
	for _, text := range presetTexts["email"] {
		f.Add(strings.NewReplacer("«", "", "»", "").Replace(text))
	}
	for _, text := range []string{"a@b.cd@e.fg", "a@b@c.de", "é@ü.ñandú ١@b.cd", "\xffa@b.cd\xff", "a@b.cd.", "a@-.cd-e@x.yz", "@@a@b.cd@", "\ufffd@b.cd", "a@b.xn--1a.c"} {
		f.Add(text)
	}
	whole := ready(emailExpr)
	f.Fuzz(func(t *testing.T, text string) {
		if diff := cmp.Diff(whole.find(nil, []byte(text)), aroundAt(whole).find(nil, []byte(text))); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", text, diff)
		}
	})
}
