package filter

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/condition"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

func compile(t testing.TB, source string) engine.Condition {
	t.Helper()
	c, err := condition.Compile(source)
	if err != nil {
		t.Fatal(err)
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

func TestSuite(t *testing.T) {
	for _, onError := range []string{keep, drop, deadLetter} {
		enginetest.TestTransform(t, func(t *testing.T) engine.Transform {
			return instance(t, Config{Drop: compile(t, `level == 'debug' || status < 300`), OnError: onError})
		}, `{"level":"debug"}`, `{"level":"info","status":200}`, `{"level":"info"}`, "not json", "", `{"level":"info","status":500}`)
	}
}

// A message is dropped only if the condition says so: one that nobody decided on, which is lost, is what the promise forbids.
func TestWhatIsKept(t *testing.T) {
	debug, info, none, text := `{"level":"debug","status":200}`, `{"level":"info","status":500}`, `{"level":"warn"}`, `not json`
	all := []string{debug, info, none, text}
	isLow := compile(t, `status < 300`)
	for _, c := range []struct {
		name   string
		config Config
		kept   []string
		dead   []string
	}{
		{"drop, by default", Config{Drop: isLow, OnError: Defaults().OnError}, []string{info, none, text}, nil},
		{"keep, by default", Config{Keep: isLow, OnError: Defaults().OnError}, []string{debug, none, text}, nil},
		{"drop without an answer", Config{Drop: isLow, OnError: drop}, []string{info}, nil},
		{"keep, and drop without an answer", Config{Keep: isLow, OnError: drop}, []string{debug}, nil},
		{"dead letters", Config{Drop: isLow, OnError: deadLetter}, []string{info}, []string{none, text}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ledger := enginetest.NewLedger()
				source := enginetest.NewSource(ledger, all...)
				store, dead := enginetest.NewStore(ledger, "output"), enginetest.NewStore(ledger, "dead letter")
				p := &flow.Pipeline{
					Inputs:     []engine.InputStep{{Name: "input", Input: source}},
					Processors: []engine.ProcessorStep{{Name: "filter", Processor: instance(t, c.config)}},
					Output:     engine.OutputStep{Name: "output", Output: store},
					DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: dead},
					Workers:    1, DrainTimeout: time.Minute,
				}
				if err := p.Run(t.Context()); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(counts(c.kept), store.Bodies()); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(counts(c.dead), dead.Bodies()); diff != "" {
					t.Error(diff)
				}
				if source.Unacked() != 0 {
					t.Errorf("%d messages unacked", source.Unacked())
				}
			})
		})
	}
}

func counts(bodies []string) map[string]int {
	n := map[string]int{}
	for _, b := range bodies {
		n[b]++
	}
	return n
}

func TestValidate(t *testing.T) {
	is := compile(t, `true`)
	for _, c := range []struct {
		config Config
		attr   string
	}{
		{Config{Keep: is, OnError: keep}, ""},
		{Config{Drop: is, OnError: deadLetter}, ""},
		{Config{OnError: keep}, "keep"},
		{Config{Keep: is, Drop: is, OnError: keep}, "drop"},
		{Config{Keep: is, OnError: "reject"}, "on_error"},
	} {
		err := c.config.Validate()
		var attr *engine.AttrError
		if errors.As(err, &attr); c.attr == "" && err != nil || c.attr != "" && (attr == nil || attr.Attr != c.attr) {
			t.Errorf("%v: %v, want one of %s", c.config, err, c.attr)
		}
		if c.config.Traits().Rejects != (c.config.OnError == deadLetter) {
			t.Errorf("%v: Rejects is %v", c.config, c.config.Traits().Rejects)
		}
	}
}

func lines(kind string) *engine.Batch {
	b := new(engine.Batch)
	for _, line := range jsonscantest.Lines(kind, 256) {
		b.Messages = append(b.Messages, engine.Message{Body: line})
	}
	return b
}

// Most messages are kept. One that is must cost no memory, else all of a user's do.
func TestBudgetProcess(t *testing.T) {
	p, b := instance(t, Config{Drop: compile(t, `level == 'debug' && count >= 3`), OnError: keep}), lines("262B")
	enginetest.Budget{}.Check(t, len(b.Messages), func() {
		if err := p.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkProcess(b *testing.B) {
	p, batch := instance(b, Config{Drop: compile(b, `level == 'debug' && count >= 3`), OnError: keep}), lines("262B")
	b.SetBytes(262)
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(batch.Messages) { // one operation is one message
		if err := p.Process(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}
