package redact

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

func with(change func(*Config)) Config {
	c := Defaults()
	change(&c)
	return c
}

func fields(names ...string) Config { return with(func(c *Config) { c.Fields = names }) }

func create(t testing.TB, c Config) engine.Transform {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	p, err := New(c, engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func process(t testing.TB, c Config, bodies ...string) []string {
	t.Helper()
	p := create(t, c)
	b := new(engine.Batch)
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: bytes.Clone([]byte(body))[:len(body):len(body)]})
	}
	if err := p.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range b.Messages {
		if len(m.Body) != cap(m.Body) {
			t.Errorf("append to %q would write into its neighbour", m.Body)
		}
		got = append(got, string(m.Body))
	}
	return got
}

func TestSuite(t *testing.T) {
	enginetest.TestTransform(t, func(t *testing.T) engine.Transform {
		return create(t, with(func(c *Config) { c.Fields, c.Preset = []string{"password"}, []string{"email"} }))
	}, `{"password":"x","n":1}`, "not json", "", `{"mail":"me@example.com"}`, "[1]", "{", "write to me@example.com")
}

func TestFields(t *testing.T) {
	for _, c := range []struct{ fields, body, mask, hash, remove string }{
		{"password", `{"user":"u", "password" : "hunter2"}`, `{"user":"u", "password" : "[redacted]"}`, `{"user":"u", "password" : "#hunter2#"}`, `{"user":"u"}`},
		{"password", `{"password":"a\"\u0041","x":1}`, `{"password":"[redacted]","x":1}`, `{"password":"#a"A#","x":1}`, `{"x":1}`},
		{"n", `{"n":-1.50,"m":2}`, `{"n":"[redacted]","m":2}`, `{"n":"#-1.50#","m":2}`, `{"m":2}`},
		{"n", `{"n":null}`, `{"n":null}`, `{"n":null}`, `{}`},
		{"n", `{"n":{"a":["x"]}, "m":true}`, `{"n":"[redacted]", "m":true}`, `{"n":"#{"a":["x"]}#", "m":true}`, `{"m":true}`},
		{"n", `{"n":1,"n":"2"}`, `{"n":"[redacted]","n":"[redacted]"}`, `{"n":"#1#","n":"#2#"}`, `{}`},
		{"a.b", `{"a":[{"b":1},{"c":2}],"a.b":3}`, `{"a":[{"b":"[redacted]"},{"c":2}],"a.b":"[redacted]"}`, `{"a":[{"b":"#1#"},{"c":2}],"a.b":"#3#"}`, `{"a":[{},{"c":2}]}`},
		{"a", `["a", {"b":"a"}]`, `["a", {"b":"a"}]`, `["a", {"b":"a"}]`, `["a", {"b":"a"}]`},
	} {
		cfg := fields(c.fields)
		if got := process(t, cfg, c.body)[0]; got != c.mask {
			t.Errorf("%s masked is %s, want %s", c.body, got, c.mask)
		}
		cfg.With = withRemove
		if got := process(t, cfg, c.body)[0]; got != c.remove {
			t.Errorf("%s removed is %s, want %s", c.body, got, c.remove)
		}
		cfg.With, cfg.HashKey = withHash, engine.NewSecret(testKey)
		if got, want := process(t, cfg, c.body)[0], hashed(c.hash); got != want {
			t.Errorf("%s hashed is %s, want %s", c.body, got, want)
		}
	}
}

// A producer that writes Password where another writes password must not get its secrets stored.
func TestFieldsInAnyCase(t *testing.T) {
	const body = `{"Password":"a","PASSWORD":"b","user":{"EMail":1,"Ümlaut":2},"passwords":"c"}`
	c := fields("password", "User.Email", "user.ümlaut")
	if got, want := process(t, c, body)[0], `{"Password":"[redacted]","PASSWORD":"[redacted]","user":{"EMail":"[redacted]","Ümlaut":"[redacted]"},"passwords":"c"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.MatchCase = true
	if got := process(t, c, body)[0]; got != body {
		t.Errorf("with match_case it became %s", got)
	}
}

// Whoever asks for what is behind such names means those of the record as well.
func TestNamesOfTheRecord(t *testing.T) {
	const body = `{"user":"u","password" : "a\u0041","api_key":12,"token":7,"sig":"","n":{"clientSecret":"c"},"auth":null,"secret":{"x":"y"},"x":"password=p"}`
	for with, want := range map[string]string{
		withMask:   `{"user":"u","password" : "[redacted]","api_key":"[redacted]","token":7,"sig":"","n":{"clientSecret":"[redacted]"},"auth":null,"secret":{"x":"y"},"x":"password=[redacted]"}`,
		withRemove: `{"user":"u","password" : "","api_key":"","token":7,"sig":"","n":{"clientSecret":""},"auth":null,"secret":{"x":"y"},"x":"password="}`,
		withHash:   hashed(`{"user":"u","password" : "#aA#","api_key":"#12#","token":7,"sig":"","n":{"clientSecret":"#c#"},"auth":null,"secret":{"x":"y"},"x":"password=#p#"}`),
	} {
		c := Defaults()
		c.Preset, c.With, c.HashKey = []string{namedSecret}, with, engine.NewSecret(testKey)
		if got := process(t, c, body)[0]; got != want {
			t.Errorf("%s:\n got %s\nwant %s", with, got, want)
		}
	}
	c := fields("password", "n")
	c.Preset = []string{namedSecret}
	if got, want := process(t, c, `{"password":"a","n":{"password":"b"},"pass":"c"}`)[0], `{"password":"[redacted]","n":"[redacted]","pass":"[redacted]"}`; got != want {
		t.Errorf("beside fields: got %s, want %s", got, want)
	}
}

// Who joins by hashes must find a value that was in a URL beside the same one that was not.
func TestHashOfWhatIsEncoded(t *testing.T) {
	c := with(func(c *Config) {
		c.Preset, c.With, c.HashKey = []string{"email"}, withHash, engine.NewSecret(testKey)
	})
	const body = `{"a":"alice@example.com","b":"/?q=alice%40example.com","c":"alice%2540example.com","d":"\\\"alice\\u0040example.com\\\""}`
	want := hashed(`{"a":"#alice@example.com#","b":"/?q=#alice@example.com#","c":"#alice@example.com#","d":"\\\"#alice@example.com#\\\""}`)
	if got := process(t, c, body)[0]; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const testKey = "0123456789abcdef"

// hashed puts the hash of what stands between # and # in its place.
func hashed(text string) string {
	parts := strings.Split(text, "#")
	for i := 1; i < len(parts); i += 2 {
		mac := hmac.New(sha256.New, []byte(testKey))
		mac.Write([]byte(parts[i]))
		parts[i] = hex.EncodeToString(mac.Sum(nil))[:32]
	}
	return strings.Join(parts, "")
}

// The hash is a value that others store and join by: it must be the same in the next version.
func TestHashStays(t *testing.T) {
	c := fields("user")
	c.With, c.HashKey = withHash, engine.NewSecret(testKey)
	const want = `{"user":"fdbf8b1cacd3d578e062d0e41104357d"}`
	if got := process(t, c, `{"user":"alice"}`)[0]; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPatterns(t *testing.T) {
	const text = `{"msg" : "pin=1234; \u00e9\n pin=99", "n":1234, "pin=5":["pin=6",{"x":"\u0070in=\u0037\/"}]}`
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"whole match", func(c *Config) { c.Patterns = []string{`pin=\d+`} },
			`{"msg" : "[redacted]; \u00e9\n [redacted]", "n":1234, "pin=5":["[redacted]",{"x":"[redacted]\/"}]}`},
		{"group", func(c *Config) { c.Patterns = []string{`pin=(\d+)`} },
			`{"msg" : "pin=[redacted]; \u00e9\n pin=[redacted]", "n":1234, "pin=5":["pin=[redacted]",{"x":"\u0070in=[redacted]\/"}]}`},
		{"group that may be missing", func(c *Config) { c.Patterns = []string{`pin=(?:([0-5]+)|\d)`} },
			`{"msg" : "pin=[redacted]; \u00e9\n [redacted]9", "n":1234, "pin=5":["[redacted]",{"x":"[redacted]\/"}]}`},
		{"any case", func(c *Config) { c.Patterns = []string{`(?i)PIN=\d+`} },
			`{"msg" : "[redacted]; \u00e9\n [redacted]", "n":1234, "pin=5":["[redacted]",{"x":"[redacted]\/"}]}`},
		{"ends of strings", func(c *Config) { c.Patterns = []string{`^pin|\d$`} },
			`{"msg" : "[redacted]=1234; \u00e9\n pin=9[redacted]", "n":1234, "pin=5":["[redacted]=[redacted]",{"x":"[redacted]=\u0037\/"}]}`},
		{"overlapping", func(c *Config) { c.Patterns = []string{`n=12`, `=1234`, `99`, `pin`} },
			`{"msg" : "[redacted]; \u00e9\n [redacted]=[redacted]", "n":1234, "pin=5":["[redacted]=6",{"x":"[redacted]=\u0037\/"}]}`},
		{"one inside another", func(c *Config) { c.Patterns = []string{`=12`, `pin=1234`, `in`} },
			`{"msg" : "[redacted]; \u00e9\n p[redacted]=99", "n":1234, "pin=5":["p[redacted]=6",{"x":"\u0070[redacted]=\u0037\/"}]}`},
		{"names of fields", func(c *Config) { c.Patterns, c.Keys = []string{`pin=5`}, true },
			`{"msg" : "pin=1234; \u00e9\n pin=99", "n":1234, "[redacted]":["pin=6",{"x":"\u0070in=\u0037\/"}]}`},
		{"removed", func(c *Config) { c.Patterns, c.With = []string{`pin=\d+`}, withRemove },
			`{"msg" : "; \u00e9\n ", "n":1234, "pin=5":["",{"x":"\/"}]}`},
		{"a mask of its own", func(c *Config) { c.Patterns, c.Mask = []string{`pin=\d+`}, `"\` },
			`{"msg" : "\"\\; \u00e9\n \"\\", "n":1234, "pin=5":["\"\\",{"x":"\"\\\/"}]}`},
		{"hashed", func(c *Config) {
			c.Patterns, c.With, c.HashKey = []string{`pin=(\d+)`}, withHash, engine.NewSecret(testKey)
		}, hashed(`{"msg" : "pin=#1234#; \u00e9\n pin=#99#", "n":1234, "pin=5":["pin=#6#",{"x":"\u0070in=#7#\/"}]}`)},
		{"beside fields", func(c *Config) { c.Patterns, c.Fields = []string{`pin=\d+`}, []string{"msg", "pin=5.x", "n"} },
			`{"msg" : "[redacted]", "n":"[redacted]", "pin=5":["[redacted]",{"x":"[redacted]"}]}`},
		{"beside fields, removed", func(c *Config) {
			c.Patterns, c.Fields, c.With, c.Keys = []string{`pin=\d+`}, []string{"msg", "pin=5.x", "n"}, withRemove, true
		}, `{"":["",{}]}`},
	} {
		if got := process(t, with(c.change), text)[0]; got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// A pattern in a heredoc has a line feed at its end that nobody has written. With it, it would hide nothing.
func TestPatternOfAHeredoc(t *testing.T) {
	c := with(func(c *Config) { c.Patterns = []string{"pin=([0-9]+)\n"} })
	if got, want := process(t, c, `{"a":"pin=12 x"}`)[0], `{"a":"pin=[redacted] x"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A record that has nothing to hide is the source's: it must leave as it came, and without a copy.
func TestOthersAreNotTouched(t *testing.T) {
	c := with(func(c *Config) { c.Fields, c.Preset = []string{"password"}, presetNames() })
	bodies := []string{`{"b": 1,  "a":1.0, "a":"\u0041"}`, ` {"a":"\/"} `, `[]`, `"x"`, `1e2`, "{\n\"Passwords\":\"x\"}"}
	if diff := cmp.Diff(bodies, process(t, c, bodies...)); diff != "" {
		t.Error(diff)
	}
}

// What is not JSON may be full of secrets, and the dead letter is one more place for them to leak from.
func TestInvalidMessages(t *testing.T) {
	bodies := []string{`{"mail":"a@example.com","password":"x"`, "by b@example.com", "nothing", `{"ok":"c@example.com"}`}
	redacted := []string{`{"mail":"[redacted]","password":"x"`, "by [redacted]", "nothing", `{"ok":"[redacted]"}`}
	for onInvalid, wantDead := range map[string][]string{deadLetter: redacted[:3], drop: nil, pass: nil} {
		synctest.Test(t, func(t *testing.T) {
			ledger := enginetest.NewLedger()
			source := enginetest.NewSource(ledger, bodies...)
			store, dead := enginetest.NewStore(ledger, "output"), enginetest.NewStore(ledger, "dead letter")
			p := create(t, with(func(c *Config) {
				c.Fields, c.Preset, c.OnInvalid = []string{"password"}, []string{"email"}, onInvalid
			}))
			pipeline := &flow.Pipeline{
				Inputs:     []engine.InputStep{{Name: "input", Input: source}},
				Processors: []engine.ProcessorStep{{Name: "redact", Processor: p}},
				Output:     engine.OutputStep{Name: "output", Output: store},
				DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: dead},
				Workers:    1, DrainTimeout: time.Minute,
			}
			if err := pipeline.Run(t.Context()); err != nil {
				t.Error(err)
			}
			var got []string
			for _, o := range dead.Objects() {
				got = append(got, o.Bodies...)
			}
			if diff := cmp.Diff(wantDead, got); diff != "" {
				t.Errorf("%s: dead letters (-want +got)\n%s", onInvalid, diff)
			}
			want := map[string]int{redacted[3]: 1}
			if onInvalid == pass {
				want = map[string]int{redacted[0]: 1, redacted[1]: 1, redacted[2]: 1, redacted[3]: 1}
			}
			if diff := cmp.Diff(want, store.Bodies()); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", onInvalid, diff)
			}
			if source.Unacked() != 0 {
				t.Errorf("%s: %d messages unacked", onInvalid, source.Unacked())
			}
		})
	}
}

// A mark in front of a body must not be what a secret gets through behind.
func TestMark(t *testing.T) {
	c := with(func(c *Config) {
		c.Fields, c.Patterns, c.OnInvalid = []string{"password"}, []string{"^pin=[0-9]+"}, pass
	})
	want := []string{"\ufeff{\"password\":\"[redacted]\",\"x\":\"[redacted]\"}", "\ufeff[redacted] ok"}
	got := process(t, c, "\ufeff{\"password\":\"a\",\"x\":\"pin=1\"}", "\ufeffpin=12 ok")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The body of a chunk may share its memory with its neighbours, so a secret cannot be overwritten in its place.
func TestSourceBytesStay(t *testing.T) {
	const before = `{"password":"a"}{"password":"bcd"}pin=1`
	arena := []byte(before)
	p := create(t, with(func(c *Config) { c.Fields, c.Patterns = []string{"password"}, []string{"pin=1"} }))
	b := &engine.Batch{Messages: []engine.Message{{Body: arena[:16:16]}, {Body: arena[16:34:34]}, {Body: arena[34:]}}}
	if err := p.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if string(arena) != before {
		t.Errorf("the chunk's memory became %q", arena)
	}
}

func TestDeepRecords(t *testing.T) {
	body := strings.Repeat(`{"a":[`, 4999) + `{"password":"x","m":"pin=1"}` + strings.Repeat("]}", 4999)
	c := with(func(c *Config) { c.Fields, c.Patterns = []string{"a.a.password", "password"}, []string{`pin=(\d)`} })
	if got := process(t, c, body)[0]; !json.Valid([]byte(got)) || strings.Contains(got, "pin=1") {
		t.Errorf("got %.200s", got)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []Config{
		fields("a", "a.b"),
		with(func(c *Config) { c.Preset, c.With, c.OnInvalid = presetNames(), withRemove, pass }),
		with(func(c *Config) {
			c.Patterns, c.With, c.HashKey = []string{`(?i)x+`}, withHash, engine.NewSecret(testKey)
		}),
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if c.Traits().Rejects != (c.OnInvalid == deadLetter) {
			t.Errorf("%+v: Rejects is %v", c, c.Traits().Rejects)
		}
	}
	for want, c := range map[string]Config{
		"it would redact nothing: say what by fields, preset or patterns":                               Defaults(),
		`fields: "a..b" has an empty part; dots go between the names of nested fields`:                  fields("a..b"),
		`fields: "" has an empty part; dots go between the names of nested fields`:                      fields(""),
		"fields: 65 are too many for one block; it can have 64":                                         fields(strings.Split(strings.Repeat("a ", 65)[:129], " ")...),
		`preset: there is no "mail"; there are ` + strings.Join(presetNames(), ", "):                    with(func(c *Config) { c.Preset = []string{"mail"} }),
		"patterns: \"(?=x)\" is no pattern of RE2 syntax: error parsing regexp: invalid or unsupported": with(func(c *Config) { c.Patterns = []string{"(?=x)"} }),
		"patterns: an empty one matches everywhere and hides nothing; leave it out":                     with(func(c *Config) { c.Patterns = []string{""} }),
		`with: "encrypt" is none of mask, hash and remove`:                                              with(func(c *Config) { c.Fields, c.With = []string{"a"}, "encrypt" }),
		`mask: "a\nb" has a control character in it`:                                                    with(func(c *Config) { c.Fields, c.Mask = []string{"a"}, "a\nb" }),
		"hash_key: is needed to hash":                                                                   with(func(c *Config) { c.Fields, c.With = []string{"a"}, withHash }),
		"hash_key: 5 bytes are too few; it needs 16": with(func(c *Config) {
			c.Fields, c.With, c.HashKey = []string{"a"}, withHash, engine.NewSecret("short")
		}),
		`on_invalid: "dlq" is none of dead_letter, drop and pass`: with(func(c *Config) { c.Fields, c.OnInvalid = []string{"a"}, "dlq" }),
	} {
		err := c.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		var attr *engine.AttrError
		if name, _, _ := strings.Cut(want, ":"); !strings.HasPrefix(want, "it would") && (!errors.As(err, &attr) || attr.Attr != name) {
			t.Errorf("%v is not at %s", err, name)
		}
	}
}

func lines(t testing.TB, change func([]byte) []byte) *engine.Batch {
	b := new(engine.Batch)
	for _, line := range jsonscantest.Lines("262B", 256) {
		b.Messages = append(b.Messages, engine.Message{Body: change(line)})
	}
	return b
}

// everything has all but the addresses, which are in two of three of these lines.
func everything(t testing.TB) engine.Transform {
	return create(t, with(func(c *Config) {
		c.Fields, c.Patterns = []string{"password", "user.email"}, []string{`pin=(\d+)`}
		c.Preset = slices.DeleteFunc(presetNames(), func(name string) bool { return name == "ipv4" })
	}))
}

// Most records have nothing to hide. A copy of each would cost a user the collection of all bytes that pass; one that has a secret is one new body.
func TestBudgetProcess(t *testing.T) {
	for name, c := range map[string]struct {
		secret string
		budget enginetest.Budget
	}{
		"nothing": {``, enginetest.Budget{}},
		"a field": {`"password":"hunter2",`, enginetest.Budget{Allocations: 1, Bytes: 320}},
	} {
		t.Run(name, func(t *testing.T) {
			came := lines(t, func(line []byte) []byte { return append([]byte("{"+c.secret), line[1:]...) })
			p, b := everything(t), new(engine.Batch)
			c.budget.Check(t, len(came.Messages), func() {
				b.Messages = append(b.Messages[:0], came.Messages...)
				if err := p.Process(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// One operation is one log line of 262 bytes.
func BenchmarkProcess(b *testing.B) {
	same := func(line []byte) []byte { return line }
	member := func(text string) func([]byte) []byte {
		return func(line []byte) []byte { return append([]byte("{"+text), line[1:]...) }
	}
	email := with(func(c *Config) { c.Preset = []string{"email"} })
	hashing := fields("password")
	hashing.With, hashing.HashKey = withHash, engine.NewSecret(testKey)
	for _, c := range []struct {
		name      string
		transform engine.Transform
		change    func([]byte) []byte
	}{
		{"field/none", create(b, fields("password")), same},
		{"field/hit", create(b, fields("password")), member(`"password":"hunter2",`)},
		{"field/hash", create(b, hashing), member(`"password":"hunter2",`)},
		{"email/none", create(b, email), same},
		{"email/hit", create(b, email), member(`"from":"alice@example.com",`)},
		{"email/escapes", create(b, email), member(`"path":"C:\\logs",`)},
		{"ipv4/hit", create(b, with(func(c *Config) { c.Preset = []string{"ipv4"} })), same},
		{"everything/none", everything(b), same},
		{"everything/hit", everything(b), member(`"password":"hunter2","from":"alice@example.com",`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			came, batch := lines(b, c.change), new(engine.Batch)
			b.ReportAllocs()
			for n := 0; n < b.N; n += len(came.Messages) {
				batch.Messages = append(batch.Messages[:0], came.Messages...)
				if err := c.transform.Process(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
