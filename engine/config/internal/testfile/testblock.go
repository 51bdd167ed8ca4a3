package testfile

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

type testAttributes struct {
	Pipeline string            `hcl:"pipeline,optional" doc:"The pipeline that is tested; it may be left out where there is one."`
	Env      map[string]string `hcl:"env,optional" doc:"What env() of the pipeline reads, beside that of the file."`
	Time     string            `hcl:"time,optional" doc:"When the test begins, as in \"2026-01-02T15:04:05Z\"."`
	Wait     time.Duration     `hcl:"wait,optional" doc:"How long the pipeline goes on after all is settled."`
	Send     schema.AnyValue   `hcl:"send,optional" doc:"The messages, in order: a text is sent as it stands, anything else as JSON."`
}

type messageAttributes struct {
	Body       schema.AnyValue `hcl:"body" doc:"What is sent: a text as it stands, anything else as JSON."`
	Headers    schema.AnyValue `hcl:"headers,optional" doc:"The producer's headers, as a map."`
	RoutingKey string          `hcl:"routing_key,optional" doc:"The address that it was published to."`
	ID         string          `hcl:"id,optional" doc:"The id that the producer gave."`
	Time       string          `hcl:"time,optional" doc:"When it happened, as in \"2026-01-02T15:04:05Z\"."`
	After      time.Duration   `hcl:"after,optional" doc:"How long after the message before it is sent."`
	Repeat     int             `hcl:"repeat,optional" doc:"How often it is sent; each time that long after the last."`
}

// The blocks of a test.
const (
	blockMessage = "message"
	blockFail    = "fail"
	blockExpect  = "expect"
)

// placed is what a test sends, where it stands in the file.
type placed struct {
	at       int
	messages []TestMessage
	repeat   int
}

func (l loader) test(f *syntax.File, b *hclsyntax.Block, env map[string]string) *Test {
	d := decode.NewDecoder(l.World, f, b.DefRange(), "the test")
	t := &Test{Range: d.Header, PipelineRange: d.Header, Env: maps.Clone(env)}
	if len(b.Labels) == 1 {
		t.Name, t.Range = b.Labels[0], *decode.RangeOfBlock(b)
	} else {
		d.Add(diagnostics.Diagnostic{Range: &d.Header, Summary: "a test has one name", Detail: `Write test "NAME" { … }.`})
	}
	var own testAttributes
	attributes(d, b, &own)
	checkEnv(d, own.Env)
	if a, ok := d.Attrs["pipeline"]; ok {
		t.PipelineRange = a.At
	}
	if t.Env == nil {
		t.Env = map[string]string{}
	}
	maps.Copy(t.Env, own.Env)
	t.Pipeline, t.Wait, t.Time = own.Pipeline, own.Wait, timeOf(d, "time", own.Time)
	if !t.Time.IsZero() && t.Time.Before(TestEpoch) {
		wrong(d, "time", "the clock of a test cannot go back behind the year 2000", "Take a later time.")
	}
	sent := []placed{send(d, own.Send)}
	var expect *hclsyntax.Block
	var wrong bool // something in it
	for _, inner := range b.Body.Blocks {
		switch {
		case f.IsPlaceholder(inner):
		case inner.Type == blockMessage:
			m, repeat := l.message(f, inner)
			sent = append(sent, placed{inner.TypeRange.Start.Byte, []TestMessage{m}, repeat})
		case inner.Type == blockFail:
			if fail, ok := l.fail(f, inner); ok {
				t.Fails = append(t.Fails, fail)
			}
		case inner.Type == blockExpect && expect == nil:
			before := l.Diags.Errors()
			expect, t.Expect = inner, l.expect(f, inner)
			wrong = l.Diags.Errors() > before
		default:
			noBlock(d, inner, expect)
		}
	}
	t.Send = inPlace(d, sent)
	checkTest(d, t, expect, wrong)
	return t
}

// noBlock reports a block that a test does not have, or has already.
func noBlock(d *decode.Decoder, b, expect *hclsyntax.Block) {
	if b.Type == blockExpect {
		d.Add(diagnostics.Diagnostic{Range: diagnostics.RangeOf(b.TypeRange), Summary: "a test has one block expect, and this is the second", Detail: "Put what is expected into one of the two.",
			Related: []diagnostics.Related{{Text: "the first one is on", Range: *diagnostics.RangeOf(expect.TypeRange)}}})
		return
	}
	d.UnknownName(*diagnostics.RangeOf(b.TypeRange), d.What, b.Type, "block", []string{blockMessage, blockFail, blockExpect})
}

// mostSent is how many messages a test may send.
const mostSent = 100_000

// inPlace puts what is sent into the order of the file.
func inPlace(d *decode.Decoder, sent []placed) (all []TestMessage) {
	slices.SortStableFunc(sent, func(a, b placed) int { return a.at - b.at })
	for _, s := range sent {
		if len(all)+s.repeat*len(s.messages) > mostSent {
			d.Add(diagnostics.Diagnostic{Range: &d.Header, Summary: fmt.Sprintf("the test sends more than %d messages", mostSent), Detail: "Send less. What counts can be made smaller by env."})
			return all
		}
		for range s.repeat {
			all = append(all, s.messages...)
		}
	}
	return all
}

// checkTest finds a test that could not fail, and numbers of messages that are not there.
func checkTest(d *decode.Decoder, t *Test, expect *hclsyntax.Block, wrong bool) {
	switch {
	case expect == nil:
		d.Add(diagnostics.Absent(diagnostics.Diagnostic{Range: &d.Header, Summary: "the test expects nothing, so it cannot fail", Detail: "Add a block, such as expect { output = 1 }."}))
	case len(t.Expect) == 0 && !wrong:
		d.Add(diagnostics.Absent(diagnostics.Diagnostic{Range: diagnostics.RangeOf(expect.TypeRange), Summary: "nothing is expected here, so the test cannot fail", Detail: "Write for example output = 1."}))
	}
	if len(t.Send) == 0 && !d.Bad {
		d.Add(diagnostics.Absent(diagnostics.Diagnostic{Range: &d.Header, Summary: "the test sends nothing", Detail: `Add messages, such as send = [{ source = "app1" }].`}))
	}
	for _, f := range t.Fails {
		for _, i := range f.Only {
			if i < 0 || i >= len(t.Send) {
				d.Add(diagnostics.Diagnostic{Range: &f.Range, Summary: fmt.Sprintf("there is no message %d", i),
					Detail: fmt.Sprintf("The test sends %d, and the first is 0.", len(t.Send))})
			}
		}
	}
}

// send is what the attribute send says.
func send(d *decode.Decoder, v schema.AnyValue) placed {
	a := d.Attrs["send"]
	p := placed{at: a.At.Start.Byte, repeat: 1}
	items, _, ok := v.Items()
	if !ok {
		d.Add(diagnostics.Diagnostic{Range: &a.At, Summary: "send is not a list", Detail: `Put the messages in brackets: send = [{ source = "app1" }, "not JSON"].`})
	}
	for _, item := range items {
		p.messages = append(p.messages, TestMessage{Body: decode.NewTestValue(item).Body()})
	}
	return p
}

func (l loader) message(f *syntax.File, b *hclsyntax.Block) (m TestMessage, repeat int) {
	d := decode.NewDecoder(l.World, f, b.DefRange(), "block message")
	noName(d, b)
	own := messageAttributes{Repeat: 1}
	whole(d, b, &own)
	if own.Repeat < 1 || own.Repeat > mostSent {
		wrong(d, "repeat", fmt.Sprintf("repeat must be between 1 and %d, not %d", mostSent, own.Repeat), "")
		own.Repeat = 1
	}
	m = TestMessage{RoutingKey: own.RoutingKey, ID: own.ID, Time: timeOf(d, "time", own.Time), After: own.After}
	if own.Body.Expr != nil {
		m.Body = decode.NewTestValue(own.Body.Value).Body()
	}
	if own.Headers.Expr != nil {
		headers, ok := decode.JSONValueOf(own.Headers.Value).(map[string]any)
		if !ok {
			wrong(d, "headers", "headers is not a map", `Write headers = { name = "value" }.`)
		}
		m.Headers = decode.HeadersOf(headers)
	}
	return m, own.Repeat
}

type failAttributes struct {
	Times     *int            `hcl:"times,optional" doc:"How many writes fail. Without it each does."`
	Error     string          `hcl:"error,optional" doc:"What the error says."`
	Permanent bool            `hcl:"permanent,optional" doc:"Whether no other try can help: then messages are dead letters."`
	Only      schema.AnyValue `hcl:"only,optional" doc:"The messages that fail, by their place in what is sent, of which the first is 0; the others of their batch are stored."`
}

func (l loader) fail(f *syntax.File, b *hclsyntax.Block) (TestFail, bool) {
	d := decode.NewDecoder(l.World, f, b.DefRange(), "block fail")
	own := failAttributes{Error: "the test lets it fail"}
	whole(d, b, &own)
	fail := TestFail{Error: own.Error, Permanent: own.Permanent, Range: d.Header}
	if len(b.Labels) != 1 {
		d.Add(diagnostics.Diagnostic{Range: &d.Header, Summary: "the block fail does not say what fails", Detail: fmt.Sprintf(`Write fail %q { … }. It takes %s.`, engine.RoleOutput, diagnostics.Quoted(outputRoles, "and"))})
		return fail, false
	}
	fail.Place, fail.Range = b.Labels[0], *decode.RangeOfBlock(b)
	if own.Times != nil {
		if fail.Times = *own.Times; fail.Times < 1 {
			wrong(d, "times", fmt.Sprintf("times must be at least 1, not %d", fail.Times), "Leave it out to let each write fail.")
		}
	}
	items, _, ok := own.Only.Items()
	for _, item := range items {
		i, whole := wholeNumber(item)
		ok = ok && whole
		fail.Only = append(fail.Only, i)
	}
	if !ok {
		wrong(d, "only", "only is not a list of whole numbers", "Write for example only = [0, 2].")
	}
	return fail, place(d, fail.Place, fail.Range) && !d.Bad
}
