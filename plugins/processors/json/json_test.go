package json

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

func process(t *testing.T, c Config, bodies ...string) []string {
	t.Helper()
	p, err := New(c, engine.Env{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b := new(engine.Batch)
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: slices.Clip([]byte(body))})
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
		p, err := New(Defaults(), engine.Env{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}, `{"a":1}`, "not json", "", `{"a":2}`, "[1]", "{")
}

// A valid message must leave byte for byte as it came: it is the source's, not ours.
func TestValidMessagesAreNotTouched(t *testing.T) {
	bodies := []string{`{"b": 1,  "a":1.0, "a":"\u0041"}`, ` {"a":1} `, `[]`, `"x"`, `1e2`, `{"a":"line\nbreak"}`}
	if diff := cmp.Diff(bodies, process(t, Defaults(), bodies...)); diff != "" {
		t.Error(diff)
	}
}

// A line break between values would make two broken lines of one message in a line file.
func TestLineBreaksAreTakenOut(t *testing.T) {
	for body, want := range map[string]string{
		"{\"a\":1}\n":                       `{"a":1}`,
		"\r\n{\"a\": 1}\r\n":                `{"a": 1}`,
		"{\n  \"a b\": [1,\r 2],\"c\":{}}":  `{"a b":[1,2],"c":{}}`,
		"{\"a\":\n\"\\n \\u000a\"}":         `{"a":"\n \u000a"}`,
		"[ \n ]":                            `[]`,
		"\t{ \"a\" : \"\u2028\" }\n":        "{ \"a\" : \"\u2028\" }",
		"{\"pi\" :3.140,\n\"a\":1,\"a\":2}": `{"pi":3.140,"a":1,"a":2}`,
	} {
		if got := process(t, Defaults(), body)[0]; got != want {
			t.Errorf("%q became %q, want %q", body, got, want)
		}
	}
}

// A byte order mark is no part of the record, and a line of a file that begins with one is no JSON to those who read the file.
func TestMarkIsTakenOff(t *testing.T) {
	for body, want := range map[string]string{
		"\ufeff{\"a\": 1} ":   `{"a": 1} `,
		"\ufeff\n{\"a\":1}\n": `{"a":1}`,
		"\ufeff{\"a\":\n1}":   `{"a":1}`,
		"\ufeff\"\ufeff\"":    "\"\ufeff\"",
	} {
		if got := process(t, Defaults(), body)[0]; got != want {
			t.Errorf("%q became %q, want %q", body, got, want)
		}
	}
}

// The body of a chunk may share its memory with its neighbours, so compacting must not write into it.
func TestSourceBytesStay(t *testing.T) {
	arena := []byte("{\n\"a\":1}{\"b\":2}")
	p, _ := New(Defaults(), engine.Env{})
	b := &engine.Batch{Messages: []engine.Message{{Body: arena[:8:8]}, {Body: arena[8:]}}}
	if err := p.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if string(arena) != "{\n\"a\":1}{\"b\":2}" {
		t.Errorf("the chunk's memory became %q", arena)
	}
}

func TestPassLetsAnythingGoOn(t *testing.T) {
	bodies := []string{"not json", "", "a\nb", "{\n", `{"a":1}`}
	if diff := cmp.Diff(bodies, process(t, Config{OnInvalid: pass}, bodies...)); diff != "" {
		t.Error(diff)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []Config{Defaults(), {OnInvalid: drop}, {OnInvalid: pass, Object: true}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if c.Traits().Rejects != (c.OnInvalid == deadLetter) {
			t.Errorf("%+v: Rejects is %v", c, c.Traits().Rejects)
		}
	}
	err := Config{OnInvalid: "dlq"}.Validate()
	var attr *engine.AttrError
	if !errors.As(err, &attr) || attr.Attr != "on_invalid" || err.Error() != `on_invalid: "dlq" is none of dead_letter, drop and pass` {
		t.Errorf("got %v", err)
	}
}

// A valid message is let through as it is. A copy of each would cost a user the collection of all bytes that pass.
func TestBudgetProcess(t *testing.T) {
	p, _ := New(Defaults(), engine.Env{})
	b := new(engine.Batch)
	for range 1000 {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(`{"source":"app1","count":3}`)})
	}
	enginetest.Budget{}.Check(t, len(b.Messages), func() {
		if err := p.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkProcess(b *testing.B) {
	const record = `{"timestamp":"2026-01-02T15:04:05.000123Z","source":"app1","event":"login_failed","count":3,"seq":123456}`
	p, _ := New(Defaults(), engine.Env{})
	batch := new(engine.Batch)
	for range 250 {
		batch.Messages = append(batch.Messages, engine.Message{Body: []byte(record)})
	}
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(batch.Messages) { // one operation is one message
		if err := p.Process(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// What is not JSON is settled in one way only: with its reason at the dead letter, or dropped where that was asked for.
func TestInvalidMessages(t *testing.T) {
	invalid := map[string]string{
		"":         "invalid JSON at byte 0: there is nothing",
		"not json": "invalid JSON at byte 1: unexpected character 'o' in a literal, want null",
		"{\n\"a\"": "invalid JSON at byte 5: unexpected end after a key, want ':'",
		"[1]":      "valid JSON, but not an object",
	}
	for _, onInvalid := range []string{deadLetter, drop} {
		synctest.Test(t, func(t *testing.T) {
			ledger := enginetest.NewLedger()
			source := enginetest.NewSource(ledger, append(slices.Collect(maps.Keys(invalid)), `{"a":1}`, `{"a":2}`)...)
			store, dead := enginetest.NewStore(ledger, "output"), enginetest.NewStore(ledger, "dead letter")
			p, _ := New(Config{OnInvalid: onInvalid, Object: true}, engine.Env{})
			pipeline := &flow.Pipeline{
				Inputs:     []engine.InputStep{{Name: "input", Input: source}},
				Processors: []engine.ProcessorStep{{Name: "json", Processor: p}},
				Output:     engine.OutputStep{Name: "output", Output: store},
				DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: dead},
				Workers:    1, DrainTimeout: time.Minute,
			}
			if err := pipeline.Run(t.Context()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(map[string]int{`{"a":1}`: 1, `{"a":2}`: 1}, store.Bodies()); diff != "" {
				t.Error(diff)
			}
			reasons := map[string]string{}
			for _, o := range dead.Objects() {
				for i, body := range o.Bodies {
					reasons[body] = o.Reasons[i]
				}
			}
			if onInvalid == deadLetter {
				if diff := cmp.Diff(invalid, reasons); diff != "" {
					t.Error(diff)
				}
			} else if len(reasons) > 0 {
				t.Errorf("dead letters %q", reasons)
			}
			if source.Unacked() != 0 {
				t.Errorf("%d messages unacked", source.Unacked())
			}
		})
	}
}
