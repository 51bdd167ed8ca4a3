package pipetest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/pipetest"
)

const plainEnd = "\n  output \"plain\" {}\n  dead_letter \"file\" {\n    path = \"/dead\"\n  }"

// Processors that people compile in run as those that come with logpipe.
func TestCustomProcessors(t *testing.T) {
	for _, tt := range []struct {
		processor  string
		send       []string
		out, dead  []string
		held       int
		broken, by string
	}{
		{"words", []string{"a b", "", "c"}, []string{"a", "b", "c"}, nil, 0, "", "chunk"},
		{"panics", []string{"a", "poison", "b"}, []string{"a", "b"}, []string{"poison"}, 0, "", "chunk"},
		{"hoard", []string{"a", "b"}, []string{"a", "b"}, nil, 0, "", "drain"},
		{"leaves", []string{"a"}, []string{"a"}, nil, 0, "", "chunk"},
		{"fails", []string{"a", "b"}, nil, nil, 2, "", ""},
		{"broken", []string{"a"}, nil, nil, 0, "a cog is missing", ""},
		{"upper", []string{"a", "two\nlines"}, []string{"A"}, []string{"TWO\nLINES"}, 0, "", "chunk"}, // plain takes no line break
	} {
		t.Run(tt.processor, func(t *testing.T) {
			o := run(t, pipetest.Case{Pipeline: load(t, `  processor "`+tt.processor+`" {}`+plainEnd), Send: send(tt.send...)})
			if diff := cmp.Diff(tt.out, bodies(o.Places["output"])); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.dead, bodies(o.Places["dead_letter"])); diff != "" {
				t.Error(diff)
			}
			if o.Held != tt.held {
				t.Errorf("held %d", o.Held)
			}
			if (o.Err != nil) != (tt.broken != "") || o.Err != nil && !strings.Contains(o.Err.Error(), tt.broken) {
				t.Errorf("the error is %v", o.Err)
			}
			if out := o.Places["output"]; tt.by != "" && (len(out.Batches) != 1 || out.Batches[0].SealedBy != tt.by || out.Batches[0].ID != "batch-0001") {
				t.Errorf("%+v", out.Batches)
			}
		})
	}
}

// A processor that asks a server keeps the clock from going on; that must end with words, not hang a CI job.
func TestProcessorThatWaitsOutside(t *testing.T) {
	defer pipetest.SetRealLimit(pipetest.SetRealLimit(50 * time.Millisecond))
	_, err := pipetest.Run(pipetest.Case{Pipeline: load(t, `  processor "waits" {}`+plainEnd), Send: send("a")})
	if err == nil || !strings.Contains(err.Error(), "waits for something outside") {
		t.Errorf("the error is %v", err)
	}
	outside <- 1 // so that it ends
}

// A processor that refreshes something each second has no Close. Behind the end of its run it must not go on with a clock that jumps: it
// would take a whole processor of the machine, and the next test another.
func TestBackgroundStandsStill(t *testing.T) {
	c := pipetest.Case{Pipeline: load(t, `  processor "ticks" {}`+plainEnd), Send: send("a"), Wait: 10 * second}
	before := ticks.Load()
	for n := range int64(20) {
		run(t, c)
		if got := ticks.Load() - before; got != 10*(n+1) {
			t.Fatalf("after %d runs of 10 s it has ticked %d times", n+1, got)
		}
	}
}

func TestTrace(t *testing.T) {
	o := run(t, pipetest.Case{Pipeline: load(t, `
  processor "upper" {}
  processor "json" {}
  processor "batch" {
    partition_by = ["A"]
  }`+plainEnd), Send: send(`{"a":"x","n":1}`, "no"), Trace: true})
	want := []pipetest.Step{
		{Processor: "processor.upper", Did: pipetest.DidChange, Sent: 0, Before: `{"a":"x","n":1}`, After: `{"A":"X","N":1}`,
			Changes: []string{".A", `+ "X"`, ".N", "+ 1", ".a", `- "x"`, ".n", "- 1"}},
		{Processor: "processor.upper", Did: pipetest.DidChange, Sent: 1, Before: "no", After: "NO", Changes: []string{"- no", "+ NO"}},
		{Processor: "processor.json", Did: pipetest.DidPass, Sent: 0, Before: `{"A":"X","N":1}`},
		{Processor: "processor.json", Did: pipetest.DidReject, Sent: 1, Before: "NO", Reason: "invalid JSON at byte 0: unexpected character 'N', want a value"},
		{Processor: "processor.batch", Did: pipetest.DidGroup, Sent: 0, Before: `{"A":"X","N":1}`, Batch: "batch-0001", Partition: "A=X", SealedBy: "age"},
	}
	if diff := cmp.Diff(want, o.Steps); diff != "" {
		t.Error(diff)
	}
}

func TestDifference(t *testing.T) {
	object := map[string]any{"a": "x"}
	for _, tt := range []struct {
		want config.TestValue
		got  string
		diff string
	}{
		{config.TestValue{Text: "x"}, "x", ""},
		{config.TestValue{Text: "x"}, `"x"`, `b|- x|+ "x"`},
		{config.TestValue{Value: object}, ` { "a" : "x" } `, ""},
		{config.TestValue{Value: object}, `{"a":"y"}`, `b.a|- "x"|+ "y"`},
		{config.TestValue{Value: object}, `{"b":1}`, `b.a|- "x"|b.b|+ 1`},
		{config.TestValue{Value: object}, `{"a":"x"} {}`, `b|- {"a":"x"}|+ {"a":"x"} {}`},
		{config.TestValue{Value: object}, `nothing`, `b|- {"a":"x"}|+ nothing`},
		{config.TestValue{Value: object}, `[]`, `b|- {"a":"x"}|+ []`},
		{config.TestValue{Value: []any{true, "<"}}, `[true,"<"]`, ""},
		{config.TestValue{Value: []any{true, "<"}}, `[false,"<"]`, `b[0]|- true|+ false`},
		{config.TestValue{Value: []any{true}}, `[true,1]`, `b|- [true]|+ [true,1]`},
		{config.TestValue{Value: json.Number("1")}, "1.0", ""},
		{config.TestValue{Value: json.Number("10000000000000001")}, "10000000000000002", "b|- 10000000000000001|+ 10000000000000002"},
		{config.TestValue{Value: json.Number("1")}, "1e999999999", "b|- 1|+ 1e999999999"},
		{config.TestValue{Value: json.Number("0")}, "1e-999999999", "b|- 0|+ 1e-999999999"},
		{config.TestValue{Value: json.Number("1")}, `"1"`, `b|- 1|+ "1"`},
	} {
		if got := strings.Join(pipetest.Difference(config.ExpectBodies, "b", tt.want, tt.got), "|"); got != tt.diff {
			t.Errorf("%s and %s: %s, want %s", tt.want.Body(), tt.got, got, tt.diff)
		}
	}
	if d := pipetest.Difference(config.ExpectReasons, "r", config.TestValue{Text: "JSON"}, "invalid JSON at byte 1"); d != nil {
		t.Errorf("a part of a reason is enough: %v", d)
	}
}
