package sample

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/condition"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

type meta string

func (m meta) ID() string            { return string(m) }
func (meta) RoutingKey() string      { return "" }
func (meta) Headers() map[string]any { return nil }
func compile(source string) engine.Condition {
	c, err := condition.Compile(source)
	if err != nil {
		panic(err)
	}
	return c
}

func instance(t testing.TB, c Config) engine.Transform {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	p, err := New(c, engine.Env{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kept returns which of the messages are.
func kept(t testing.TB, c Config, messages []engine.Message) []bool {
	t.Helper()
	b := &engine.Batch{Messages: slices.Clone(messages)}
	if err := instance(t, c).Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	all := slices.Repeat([]bool{true}, len(messages))
	leaving, _ := engine.Marks(b)
	for _, i := range leaving {
		all[i] = false
	}
	return all
}

func count(all []bool) (n int) {
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}

// messages are numbered, with the number in a field, in the id or nowhere but in the body.
func messages(n int, body, id string) []engine.Message {
	var all []engine.Message
	for i := range n {
		m := engine.Message{Body: fmt.Appendf(nil, body, i)}
		if id != "" {
			m.Meta = meta(fmt.Sprintf(id, i))
		}
		all = append(all, m)
	}
	return all
}

func TestSuite(t *testing.T) {
	enginetest.TestTransform(t, func(t *testing.T) engine.Transform {
		return instance(t, Config{OneIn: 2, By: "a", When: compile(`b != 1`)})
	},
		`{"a":1}`, `{"a":2}`, `{"a":3,"b":1}`, "not json", "", `{"a":4}`)
}

// Whoever multiplies what is there by ten must come near to what was sent, whatever the values look like.
func TestShare(t *testing.T) {
	const n = 20000
	for name, all := range map[string][]engine.Message{
		"field": messages(n, `{"trace":"t-%07d"}`, "same"), "number": messages(n, `{"trace":%d}`, ""), "id": messages(n, `{"x":0,"n":%[1]d}`, "%d"), "body": messages(n, `line %d`, ""),
	} {
		for share, c := range map[float64]Config{0.1: {OneIn: 10}, 0.5: {Ratio: 0.5}, 0.003: {Ratio: 0.003}, 1: {Ratio: 1}, 1.0000001: {OneIn: 1}} {
			c.By = "trace"
			got := float64(count(kept(t, c, all)))
			want, slack := min(share, 1)*n, 4*math.Sqrt(n*share*max(0, 1-share))
			if math.Abs(got-want) > slack {
				t.Errorf("%s: %v of %d are kept with %v, want %v ± %v", name, got, n, share, want, slack)
			}
		}
	}
}

// A message that is delivered again, perhaps to another process of another version, must meet the same fate: else a share of what was
// kept comes twice, or what was dropped once is billed at the next try. So these answers must never change.
func TestTheAnswerIsFixed(t *testing.T) {
	for _, c := range []struct {
		body, id string
		want     uint64
	}{
		{`{"trace":"abc"}`, "id-1", 0xd28d923782dcf3eb},
		{`{"trace":""}`, "id-1", 0x66fa4b6a74709224},
		{`{"trace":""}`, "", 0x1a13abde1436bd47},
		{`no JSON`, "id-1", 0x66fa4b6a74709224},
		{`no JSON`, "", 0x996da9a879a758e9},
	} {
		m := engine.Message{Body: []byte(c.body), Meta: meta(c.id)}
		p := instance(t, Config{OneIn: 2, By: "trace"}).(*processor)
		if got := p.hash(&m); got != c.want {
			t.Errorf("%s, id %q: %#x, want %#x", c.body, c.id, got, c.want)
		}
	}
}

func TestWhatBelongsTogetherStaysTogether(t *testing.T) {
	for i := range 100 {
		trace := fmt.Sprintf(`{"t":{"id":"%d"},"n":%%d}`, i)
		if n := count(kept(t, Config{OneIn: 3, By: "t.id"}, messages(10, trace, "%d"))); n != 0 && n != 10 {
			t.Errorf("%d of 10 records of trace %d are kept", n, i)
		}
	}
}

func TestWhen(t *testing.T) {
	all := messages(1000, `{"level":"debug","n":%d}`, "")
	all = append(all, messages(1000, `{"level":"info","n":%d}`, "")...)
	all = append(all, messages(1000, `not json %d`, "")...) // no answer: what nobody decided on is kept
	got := kept(t, Config{OneIn: 10, When: compile(`level == 'debug'`)}, all)
	if n := count(got[:1000]); n < 50 || n > 150 || count(got[1000:]) != 2000 {
		t.Errorf("%d of 1000 that are sampled are kept, and %d of 2000 others", n, count(got[1000:]))
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		config Config
		attr   string
	}{
		{Config{OneIn: 1}, ""},
		{Config{Ratio: 1, By: "a.b"}, ""},
		{Config{}, "one_in"},
		{Config{OneIn: -1}, "one_in"},
		{Config{OneIn: 2, Ratio: 0.5}, "ratio"},
		{Config{Ratio: -0.5}, "ratio"},
		{Config{Ratio: 1.5}, "ratio"},
		{Config{Ratio: math.NaN()}, "ratio"},
		{Config{OneIn: 2, By: "a."}, "by"},
	} {
		err := c.config.Validate()
		var attr *engine.AttrError
		if errors.As(err, &attr); c.attr == "" && err != nil || c.attr != "" && (attr == nil || attr.Attr != c.attr) {
			t.Errorf("%+v: %v, want one of %s", c.config, err, c.attr)
		}
	}
}

func lines() *engine.Batch {
	b := new(engine.Batch)
	for _, line := range jsonscantest.Lines("262B", 256) {
		b.Messages = append(b.Messages, engine.Message{Body: line})
	}
	return b
}

// What is kept is passed on as it is, and costs nothing.
func TestBudgetProcess(t *testing.T) {
	p, b := instance(t, Config{OneIn: 1, By: "seq", When: compile(`level != 'debug'`)}), lines()
	enginetest.Budget{}.Check(t, len(b.Messages), func() {
		if err := p.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkProcess(b *testing.B) {
	for name, c := range map[string]Config{"field": {OneIn: 1, By: "source"}, "body": {OneIn: 1}, "when": {OneIn: 1, By: "source", When: compile(`level == 'debug'`)}} {
		b.Run(name, func(b *testing.B) {
			p, batch := instance(b, c), lines()
			b.SetBytes(262)
			b.ReportAllocs()
			for n := 0; n < b.N; n += len(batch.Messages) { // one operation is one message
				if err := p.Process(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
