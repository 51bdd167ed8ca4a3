package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

// bodies are valid and invalid in the ways that the public JSON test suites try.
var bodies = []string{
	``, ` `, "\n", "\x00", `{}`, `[]`, ` [ ] `, `{ }`, `""`, `"a"`, `0`, `-0`, `-1`, `1.5`, `1e5`, `1E+5`, `1e-5`, `0.0e0`,
	`true`, `false`, `null`, ` true `, `[1,2,3]`, `[[],[{}]]`, `{"a":{"b":[1,{"c":null}]}}`, `{"a":1,"a":2}`, `{"":0}`,
	`"\""`, `"\\"`, `"\/\b\f\n\r\t"`, `"\u0000"`, `"\uD834\uDD1E"`, `"\ud834"`, `"\uDd1e\ud834"`, "\"\x7f\"", "\"\u2028\"", `"日本"`,
	"\"\xff\"", "\"\xe6\x97\"", "\xef\xbb\xbf{}", "\xff", "{\"a\":\xff}", "[\"\xc0\x80\"]", `123456789012345678901234567890`, `1e99999`,
	`{`, `[`, `"`, `"\`, `"\u`, `"\u12`, `"\u12g4"`, `"\x41"`, `"\a"`, "\"\t\"", "\"\n\"", "\"\x1f\"", `"abcdefg`, `"abcdefgh`, "\"abcdefghi\x01\"",
	`-`, `+1`, `01`, `-01`, `1.`, `.5`, `1.e5`, `1e`, `1e+`, `1ee5`, `1.5.5`, `0x1`, `1_000`, `Infinity`, `NaN`, `-Infinity`, `- 1`, `1 2`,
	`tru`, `trux`, `True`, `truee`, `fals`, `nul`, `nulll`, `n`, `undefined`,
	`[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `[}`, `]`, `[1]]`, `[1,,2]`, `[:]`, `["a":1]`, `[1]x`,
	`{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"a":1]`, `{"a":}`, `{]`, `}`, `{}}`,
	`{"a"::1}`, `{"a":1,,"b":2}`, `{null:null}`, `{"a":"b"}#`, `/**/{}`, `{}//`, "\u00a0{}", "{}\u00a0", "{}\f", "\v{}", "[1]\x00", "\u2060[]",
	strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
	strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
	strings.Repeat(`{"a":`, MaxDepth) + `1` + strings.Repeat("}", MaxDepth),
	strings.Repeat(`{"a":[`, 60) + strings.Repeat("]}", 60),
	strings.Repeat(`{"a":[`, 60) + strings.Repeat("}]", 60),
	strings.Repeat("[", 64) + strings.Repeat("]", 65),
	strings.Repeat(`[{"a":`, 100000),
	strings.Repeat(`[`, 100000),
}

// compareCheck fails t where Check and encoding/json differ on data: what the one lets pass must be what the other can read.
func compareCheck(t *testing.T, data []byte) {
	t.Helper()
	form, err := Check(data)
	marked := Mark(data)
	data = data[marked:] // encoding/json takes none, and counts from behind it
	valid := json.Valid(data)
	if (err == nil) != valid {
		t.Fatalf("Check says %v, encoding/json says valid=%v, of %.200q", err, valid, data)
	}
	if valid {
		compareForm(t, data, form)
		return
	}
	var mine *SyntaxError
	if !errors.As(err, &mine) || mine.Reason == "" {
		t.Fatalf("error is %#v, want a SyntaxError with a reason", err)
	}
	var theirs *json.SyntaxError
	if errors.As(json.Unmarshal(data, new(json.RawMessage)), &theirs) {
		want := int(theirs.Offset) - 1 // theirs counts the wrong byte
		if theirs.Error() == "unexpected end of JSON input" || data[want] != ' ' && strings.Contains(theirs.Error(), "character ' '") {
			want = len(data) // at the end it tries a space
		}
		if mine.Offset-marked != want {
			t.Fatalf("offset %d, encoding/json says %d (%v), in %.200q", mine.Offset, want, theirs, data)
		}
	}
}

func compareForm(t *testing.T, data []byte, form Form) {
	t.Helper()
	var want bytes.Buffer
	if err := json.Compact(&want, data); err != nil {
		t.Fatal(err)
	}
	if got := Compact(nil, data); !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("Compact gives %q, encoding/json %q", got, want.Bytes())
	}
	// Inside strings a line break is invalid, so in a valid body each one is between values.
	if lines := bytes.ContainsAny(data, "\n\r"); form.Newlines != lines {
		t.Fatalf("Newlines is %v for %q", form.Newlines, data)
	}
	if object := want.Bytes()[0] == '{'; form.Object != object {
		t.Fatalf("Object is %v for %q", form.Object, data)
	}
}

func TestCheckAgreesWithEncodingJSON(t *testing.T) {
	for _, body := range bodies {
		compareCheck(t, []byte(body))
		compareCheck(t, []byte("\r\n\t "+body+" \n"))
		compareCheck(t, []byte(`{"key":`+body+`}`))
		compareCheck(t, []byte(`[0,`+body+`,{"a":"b"}]`))
		for i := range min(len(body), 50) {
			compareCheck(t, []byte(body[:i]))
		}
	}
}

// What a producer sends is kept or a dead letter by this check alone: one that is too strict takes good logs away, and one that is too lax
// writes objects that their readers cannot parse. Where the suite leaves the choice, encoding/json decides.
func TestSuite(t *testing.T) {
	for _, c := range jsonscantest.Suite() {
		_, err := Check(c.Body)
		if c.Name[:2] == "y_" && err != nil || c.Name[:2] == "n_" && err == nil {
			t.Errorf("%s: Check says %v of %.200q", c.Name, err, c.Body)
		}
		compareCheck(t, c.Body)
	}
}

// The check reads eight bytes at once: each byte must be seen at each place of a word, and behind any other. One that is passed over would make
// an invalid body valid.
func TestEachByteAtEachPlace(t *testing.T) {
	for length := range 19 {
		for at := range length {
			for c := range 256 {
				text, number := bytes.Repeat([]byte{'!'}, length), bytes.Repeat([]byte{'1'}, length)
				text[at], number[at] = byte(c), byte(c)
				compareCheck(t, append(append([]byte{'"'}, text...), '"'))
				compareCheck(t, append(append([]byte{'['}, number...), ']'))
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range jsonscantest.Suite() {
		if len(c.Body) < 1000 {
			f.Add(c.Body)
		}
	}
	for _, body := range bodies {
		if len(body) < 1000 {
			f.Add([]byte(body))
			f.Add([]byte(`{"k": [` + body + "\n]}"))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { compareCheck(t, data) })
}

// The reason is what a person reads beside a dead letter: it must name the place and what would be right there.
func TestSyntaxErrorSaysWhatIsWrong(t *testing.T) {
	for body, want := range map[string]string{
		``:                   `invalid JSON at byte 0: there is nothing`,
		" \n ":               `invalid JSON at byte 3: there is nothing`,
		`hello`:              `invalid JSON at byte 0: unexpected character 'h', want a value`,
		`nice`:               `invalid JSON at byte 1: unexpected character 'i' in a literal, want null`,
		`{"a":1`:             `invalid JSON at byte 6: unexpected end after a value in an object, want ',' or '}'`,
		`{"a":1,}`:           `invalid JSON at byte 7: unexpected character '}' in an object, want a key in double quotes`,
		`{'a':1}`:            `invalid JSON at byte 1: unexpected character ''' in an object, want a key in double quotes`,
		`{"a" 1}`:            `invalid JSON at byte 5: unexpected character '1' after a key, want ':'`,
		`[1 2]`:              `invalid JSON at byte 3: unexpected character '2' after a value in an array, want ',' or ']'`,
		`{} {}`:              `invalid JSON at byte 3: unexpected character '{' after the value, want nothing more`,
		`"abc`:               `invalid JSON at byte 4: unexpected end in a string`,
		"\"a\nb\"":           `invalid JSON at byte 2: unexpected byte 0x0a in a string, want it escaped`,
		`"\q"`:               `invalid JSON at byte 2: unexpected character 'q' after a backslash, want one of " \ / b f n r t u`,
		`"\u00g0"`:           `invalid JSON at byte 5: unexpected character 'g' in a \u escape, want four hexadecimal digits`,
		`-x`:                 `invalid JSON at byte 1: unexpected character 'x' in a number, want a digit`,
		"\xff\xfe{\x00}\x00": `invalid JSON at byte 0: unexpected byte order mark of UTF-16 or UTF-32, want text in UTF-8`,
		"\ufeff":             `invalid JSON at byte 3: there is nothing`,
		"\ufeff\ufeff{}":     `invalid JSON at byte 3: unexpected byte 0xef, want a value`,
		" \ufeff{}":          `invalid JSON at byte 1: unexpected byte 0xef, want a value`,
		"\xff":               `invalid JSON at byte 0: unexpected byte 0xff, want a value`,
		nested(MaxDepth + 1): `invalid JSON at byte 10000: more than 10000 levels of nesting`,
	} {
		if _, err := Check([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("%.40q:\n got %v\nwant %s", body, err, want)
		}
	}
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestTrimLeavesNoRoomToAppend(t *testing.T) {
	data := []byte(" {} \n")
	got := Trim(data)
	if string(got) != "{}" || cap(got) != len(got) {
		t.Errorf("got %q with capacity %d", got, cap(got))
	}
}

// Every message passes here, and most a second time for their partition. An allocation would cost a user more than the check itself.
func TestBudgetCheckAndFind(t *testing.T) {
	for _, kind := range jsonscantest.Kinds() {
		lines, fields := jsonscantest.Lines(kind, 256), NewFields("source", "timestamp", "missing")
		enginetest.Budget{}.Check(t, len(lines), func() {
			for _, line := range lines {
				if _, err := Check(line); err != nil {
					t.Fatal(err)
				}
				fields.Find(line)
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, kind := range jsonscantest.Kinds() {
		lines, length := jsonscantest.Lines(kind, 256), 0
		for _, line := range lines {
			length += len(line)
		}
		b.Run(kind, func(b *testing.B) {
			b.SetBytes(int64(length / len(lines)))
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if _, err := Check(lines[n%len(lines)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
