package addfields

import (
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

type meta struct{}

func (meta) ID() string         { return "m-1" }
func (meta) RoutingKey() string { return "app.\"eu\"" }
func (meta) Headers() map[string]any {
	return map[string]any{"text": "ü<&>", "raw": []byte("b\x00"), "yes": true, "n": int64(-5), "big": uint64(math.MaxUint64), "f": 1.5, "inf": math.Inf(1),
		"none": nil, "list": []any{int64(1), "x"}, "bad": []any{math.NaN()}, "at": time.Unix(0, 5).In(time.FixedZone("x", 3600))}
}

var arrival = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.FixedZone("CET", 3600))

func instance(t testing.TB, c Config) *processor {
	t.Helper()
	d := Defaults()
	if c.OnConflict == "" {
		c.OnConflict = d.OnConflict
	}
	if c.OnInvalid == "" {
		c.OnInvalid = d.OnInvalid
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	p, err := New(c, engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return p.(*processor)
}

// process returns what becomes of a body: itself, "dropped", or the reason of a dead letter.
func process(t testing.TB, p engine.Transform, body string, m engine.Meta) string {
	t.Helper()
	arena := []byte("before" + body + "behind")
	from, to := len("before"), len("before")+len(body)
	b := &engine.Batch{Messages: []engine.Message{{Body: arena[from:to:to], Time: arrival, Meta: m}}}
	if err := p.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if string(arena) != "before"+body+"behind" {
		t.Fatalf("the source's bytes became %q", arena)
	}
	if leaving, rejected := engine.Marks(b); len(leaving) > 0 {
		return "dropped"
	} else if len(rejected) > 0 {
		return rejected[0].Error()
	}
	got := b.Messages[0].Body
	if cap(got) != len(got) {
		t.Fatalf("append to %q would write into its neighbour", got)
	}
	return string(got)
}

func TestSuite(t *testing.T) {
	for _, c := range []Config{{}, {OnInvalid: drop, OnConflict: overwrite}, {OnInvalid: pass, OnConflict: deadLetter}} {
		c.Fields = map[string]string{"env": "prod"}
		enginetest.TestTransform(t, func(t *testing.T) engine.Transform { return instance(t, c) },
			`{"a":1}`, `{"env":"x"}`, "not json", "", `{}`, "[1]", "{")
	}
}

// The record is the source's: but for what was asked for, no byte of it changes.
func TestAdded(t *testing.T) {
	one := Config{Fields: map[string]string{"env": "prod"}}
	over, dead := one, one
	over.OnConflict, dead.OnConflict = overwrite, deadLetter
	for _, c := range []struct {
		config     Config
		body, want string
	}{
		{one, `{"a":1}`, `{"a":1,"env":"prod"}`},
		{one, `{}`, `{"env":"prod"}`},
		{one, " {\t} \n", " {\"env\":\"prod\"\t} \n"},
		{one, ` { "b" : 1.0, "a":{} } `, ` { "b" : 1.0, "a":{},"env":"prod" } `},
		{one, "\ufeff{}", "\ufeff{\"env\":\"prod\"}"},
		{over, "\ufeff{\"env\":1}", "\ufeff{\"env\":\"prod\"}"},
		{one, `{"a":"}"}`, `{"a":"}","env":"prod"}`},
		{one, `{"a":{"env":1}}`, `{"a":{"env":1},"env":"prod"}`},
		{one, `{"env":null}`, `{"env":null}`},
		{over, `{"env" : [1,{}] ,"a":1}`, `{"env" : "prod" ,"a":1}`},
		{over, `{"env":1,"env":2}`, `{"env":"prod","env":"prod"}`},
		{over, `{"\u0065nv":1}`, `{"\u0065nv":"prod"}`},
		{over, `{"a":1}`, `{"a":1,"env":"prod"}`},
		{dead, `{"env":1}`, `the field "env" is there already`},
		{dead, `{"a":1}`, `{"a":1,"env":"prod"}`},
		{Config{Fields: map[string]string{"b": "x\"\n<é>", "a": ""}}, `{}`, `{"a":"","b":"x\"\n<é>"}`},
		{Config{Fields: map[string]string{"s.n": "x"}, OnConflict: overwrite}, `{"s":{"n":1},"s.n":2}`, `{"s":{"n":"x"},"s.n":"x"}`},
		{Config{Fields: map[string]string{"s.n": "x"}}, `{"s":{"m":1}}`, `{"s":{"m":1},"s.n":"x"}`},
		{one, `[1]`, errNotObject.Error()},
		{one, `{"a":[1}}`, `invalid JSON at byte 7: unexpected character '}' after a value in an array, want ',' or ']'`},
		{Config{Fields: one.Fields, OnInvalid: drop}, `[1]`, "dropped"},
		{Config{Fields: one.Fields, OnInvalid: pass}, `[1]`, `[1]`},
		{Config{Fields: one.Fields, OnInvalid: pass}, `{`, `{`},
	} {
		p := instance(t, c.config)
		for range 2 { // the second time must not see what the first left
			if got := process(t, p, c.body, nil); got != c.want {
				t.Errorf("%s with %v %s became\n%s, want\n%s", c.body, c.config.Fields, c.config.OnConflict, got, c.want)
			}
		}
	}
}

func TestFromTheMessage(t *testing.T) {
	from := map[string]string{"id": "id", "key": "routing_key", "time": "time", "absent": "header.absent"}
	want := `{"a":1,"id":"m-1","key":"app.\"eu\"","time":"2026-01-02T02:04:05.6Z"}`
	if got := process(t, instance(t, Config{From: from}), `{"a":1}`, meta{}); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	// A source that knows nothing but the time.
	if got := process(t, instance(t, Config{From: from}), `{}`, nil); got != `{"time":"2026-01-02T02:04:05.6Z"}` {
		t.Errorf("got %s", got)
	}
	if got := process(t, instance(t, Config{From: map[string]string{"x": "header.absent"}, OnConflict: overwrite}), `{"x":1}`, meta{}); got != `{"x":1}` {
		t.Errorf("a header that is not there overwrites: %s", got)
	}
	headers := map[string]string{}
	for name := range (meta{}).Headers() {
		headers["h_"+name] = "header." + name
	}
	want = `{"h_at":"1970-01-01T00:00:00.000000005Z","h_bad":["NaN"],"h_big":18446744073709551615,"h_f":1.5,"h_inf":"+Inf","h_list":[1,"x"],"h_n":-5,"h_none":null,` +
		`"h_raw":"b\u0000","h_text":"ü<&>","h_yes":true}`
	if got := process(t, instance(t, Config{From: headers}), `{}`, meta{}); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestValidate(t *testing.T) {
	many := map[string]string{}
	for i := range 65 {
		many[strings.Repeat("x", i+1)] = ""
	}
	for _, c := range []struct {
		config Config
		attr   string
	}{
		{Config{}, "fields"},
		{Config{Fields: many}, "fields"},
		{Config{Fields: map[string]string{"": "x"}}, "fields"},
		{Config{Fields: map[string]string{"a..b": "x"}}, "fields"},
		{Config{Fields: map[string]string{"a": "x", "a.b": "x"}}, "fields"},
		{Config{Fields: map[string]string{"a": "x"}, From: map[string]string{"a": "id"}}, "from"},
		{Config{From: map[string]string{"a": "body"}}, "from"},
		{Config{From: map[string]string{"a": "header."}}, "from"},
		{Config{From: map[string]string{"a": "id"}, OnConflict: "reject"}, "on_conflict"},
		{Config{From: map[string]string{"a": "id"}, OnInvalid: "keep"}, "on_invalid"},
		{Config{From: map[string]string{"a": "id", "ab": "header.x", "a-b": "time"}}, ""},
	} {
		if c.config.OnConflict == "" {
			c.config.OnConflict = keep
		}
		if c.config.OnInvalid == "" {
			c.config.OnInvalid = pass
		}
		err := c.config.Validate()
		var attr *engine.AttrError
		if errors.As(err, &attr); c.attr == "" && err != nil || c.attr != "" && (attr == nil || attr.Attr != c.attr) {
			t.Errorf("%v: %v, want one of %s", c.config, err, c.attr)
		}
	}
	for rejects, c := range map[bool][]Config{true: {Defaults(), {OnConflict: deadLetter, OnInvalid: drop}}, false: {{OnConflict: overwrite, OnInvalid: pass}}} {
		for _, c := range c {
			if c.Traits().Rejects != rejects {
				t.Errorf("%v: Rejects is not %v", c, rejects)
			}
		}
	}
}

func chunk() *engine.Batch {
	b := new(engine.Batch)
	for _, line := range jsonscantest.Lines("262B", 256) {
		b.Messages = append(b.Messages, engine.Message{Body: line, Time: arrival})
	}
	return b
}

// The new body is all that a message may cost.
func TestBudgetProcess(t *testing.T) {
	p, b := instance(t, Config{Fields: map[string]string{"env": "prod"}, From: map[string]string{"seen": "time"}}), chunk()
	before := append([]engine.Message(nil), b.Messages...)
	enginetest.Budget{Allocations: 1, Bytes: 360}.Check(t, len(b.Messages), func() {
		copy(b.Messages, before)
		if err := p.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkProcess(b *testing.B) {
	for name, c := range map[string]Config{
		"constant": {Fields: map[string]string{"env": "prod"}}, "time": {From: map[string]string{"seen": "time"}},
		"overwrite": {Fields: map[string]string{"host": "x"}, OnConflict: overwrite},
	} {
		b.Run(name, func(b *testing.B) {
			p, batch := instance(b, c), chunk()
			before := append([]engine.Message(nil), batch.Messages...)
			b.SetBytes(262)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ { // one operation is one message
				i := n % len(before)
				one := &engine.Batch{Messages: batch.Messages[i : i+1]}
				one.Messages[0] = before[i]
				if err := p.Process(b.Context(), one); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Everything but the fields that are added is there afterwards, in its order and as it was written.
func FuzzAdded(f *testing.F) {
	for _, body := range []string{`{}`, `{"a":1}`, ` { "env":1, "a":{"env":[]}} `, `{"env":1,"env":{"x":"}"}}`, `{"\u0065nv":"\"}"}`, `[]`, `{"s":{"n":1},"s.n":2}`} {
		f.Add(body)
	}
	fields := map[string]string{"env": "prod", "s.n": "x"}
	f.Fuzz(func(t *testing.T, body string) {
		for _, onConflict := range []string{keep, overwrite} {
			got := process(t, instance(t, Config{Fields: fields, OnConflict: onConflict, OnInvalid: drop}), body, nil)
			before, object := members(body)
			if !object {
				if got != "dropped" {
					t.Fatalf("%q became %q", body, got)
				}
				continue
			}
			after, object := members(got)
			if !object {
				t.Fatalf("%q became %q, which is no object", body, got)
			}
			has := map[string]bool{}
			var want []member
			for _, m := range before {
				has[m.path] = true
				if _, is := fields[m.path]; is && onConflict == overwrite {
					m.value = `"` + fields[m.path] + `"`
				}
				want = append(want, m)
			}
			for _, name := range []string{"env", "s.n"} {
				if !has[name] {
					want = append(want, member{name, `"` + fields[name] + `"`})
				}
			}
			if diff := cmp.Diff(want, after, cmp.AllowUnexported(member{})); diff != "" && !hides(before, fields) {
				t.Fatalf("%s: %q became %q: (-want +got)\n%s", onConflict, body, got, diff)
			}
		}
	})
}

// hides reports whether a value that is replaced has others in it, which are gone then.
func hides(all []member, fields map[string]string) bool {
	for _, m := range all {
		for name := range maps.Keys(fields) {
			if strings.HasPrefix(m.path, name+".") {
				return true
			}
		}
	}
	return false
}
