package config

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
)

type testAttributes struct {
	Pipeline string            `hcl:"pipeline,optional" doc:"The pipeline that is tested; it may be left out where there is one."`
	Env      map[string]string `hcl:"env,optional" doc:"What env() of the pipeline reads, beside that of the file."`
	Time     string            `hcl:"time,optional" doc:"When the test begins, as in \"2026-01-02T15:04:05Z\"."`
	Wait     time.Duration     `hcl:"wait,optional" doc:"How long the pipeline goes on after all is settled."`
	Send     anyValue          `hcl:"send,optional" doc:"The messages, in order: a text is sent as it stands, anything else as JSON."`
}

type messageAttributes struct {
	Body       anyValue      `hcl:"body" doc:"What is sent: a text as it stands, anything else as JSON."`
	Headers    anyValue      `hcl:"headers,optional" doc:"The producer's headers, as a map."`
	RoutingKey string        `hcl:"routing_key,optional" doc:"The address that it was published to."`
	ID         string        `hcl:"id,optional" doc:"The id that the producer gave."`
	Time       string        `hcl:"time,optional" doc:"When it happened, as in \"2026-01-02T15:04:05Z\"."`
	After      time.Duration `hcl:"after,optional" doc:"How long after the message before it is sent."`
	Repeat     int           `hcl:"repeat,optional" doc:"How often it is sent; each time that long after the last."`
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

func (l testLoader) test(f *file, b *hclsyntax.Block, env map[string]string) *Test {
	d := l.newDecoder(f, b.DefRange(), "the test")
	t := &Test{Range: d.header, PipelineRange: d.header, Env: maps.Clone(env)}
	if len(b.Labels) == 1 {
		t.Name, t.Range = b.Labels[0], *rangeOfBlock(b)
	} else {
		d.add(Diagnostic{Range: &d.header, Summary: "a test has one name", Detail: `Write test "NAME" { … }.`})
	}
	var own testAttributes
	d.attributes(b, &own)
	d.checkEnv(own.Env)
	if a, ok := d.attrs["pipeline"]; ok {
		t.PipelineRange = a.at
	}
	if t.Env == nil {
		t.Env = map[string]string{}
	}
	maps.Copy(t.Env, own.Env)
	t.Pipeline, t.Wait, t.Time = own.Pipeline, own.Wait, d.time("time", own.Time)
	if !t.Time.IsZero() && t.Time.Before(TestEpoch) {
		d.wrong("time", "the clock of a test cannot go back behind the year 2000", "Take a later time.")
	}
	sent := []placed{d.send(own.Send)}
	var expect *hclsyntax.Block
	var wrong bool // something in it
	for _, inner := range b.Body.Blocks {
		switch {
		case f.isPlaceholder(inner):
		case inner.Type == blockMessage:
			m, repeat := l.message(f, inner)
			sent = append(sent, placed{inner.TypeRange.Start.Byte, []TestMessage{m}, repeat})
		case inner.Type == blockFail:
			if fail, ok := l.fail(f, inner); ok {
				t.Fails = append(t.Fails, fail)
			}
		case inner.Type == blockExpect && expect == nil:
			before := l.diags.Errors()
			expect, t.Expect = inner, l.expect(f, inner)
			wrong = l.diags.Errors() > before
		default:
			d.noBlock(inner, expect)
		}
	}
	t.Send = d.inPlace(sent)
	d.checkTest(t, expect, wrong)
	return t
}

// noBlock reports a block that a test does not have, or has already.
func (d *decoder) noBlock(b, expect *hclsyntax.Block) {
	if b.Type == blockExpect {
		d.add(Diagnostic{Range: rangeOf(b.TypeRange), Summary: "a test has one block expect, and this is the second", Detail: "Put what is expected into one of the two.",
			Related: []Related{{"the first one is on", *rangeOf(expect.TypeRange)}}})
		return
	}
	d.unknownName(*rangeOf(b.TypeRange), d.what, b.Type, "block", []string{blockMessage, blockFail, blockExpect})
}

// mostSent is how many messages a test may send.
const mostSent = 100_000

// inPlace puts what is sent into the order of the file.
func (d *decoder) inPlace(sent []placed) (all []TestMessage) {
	slices.SortStableFunc(sent, func(a, b placed) int { return a.at - b.at })
	for _, s := range sent {
		if len(all)+s.repeat*len(s.messages) > mostSent {
			d.add(Diagnostic{Range: &d.header, Summary: fmt.Sprintf("the test sends more than %d messages", mostSent), Detail: "Send less. What counts can be made smaller by env."})
			return all
		}
		for range s.repeat {
			all = append(all, s.messages...)
		}
	}
	return all
}

// checkTest finds a test that could not fail, and numbers of messages that are not there.
func (d *decoder) checkTest(t *Test, expect *hclsyntax.Block, wrong bool) {
	switch {
	case expect == nil:
		d.add(absent(Diagnostic{Range: &d.header, Summary: "the test expects nothing, so it cannot fail", Detail: "Add a block, such as expect { output = 1 }."}))
	case len(t.Expect) == 0 && !wrong:
		d.add(absent(Diagnostic{Range: rangeOf(expect.TypeRange), Summary: "nothing is expected here, so the test cannot fail", Detail: "Write for example output = 1."}))
	}
	if len(t.Send) == 0 && !d.bad {
		d.add(absent(Diagnostic{Range: &d.header, Summary: "the test sends nothing", Detail: `Add messages, such as send = [{ source = "app1" }].`}))
	}
	for _, f := range t.Fails {
		for _, i := range f.Only {
			if i < 0 || i >= len(t.Send) {
				d.add(Diagnostic{Range: &f.Range, Summary: fmt.Sprintf("there is no message %d", i),
					Detail: fmt.Sprintf("The test sends %d, and the first is 0.", len(t.Send))})
			}
		}
	}
}

// send is what the attribute send says.
func (d *decoder) send(v anyValue) placed {
	a := d.attrs["send"]
	p := placed{at: a.at.Start.Byte, repeat: 1}
	items, _, ok := v.items()
	if !ok {
		d.add(Diagnostic{Range: &a.at, Summary: "send is not a list", Detail: `Put the messages in brackets: send = [{ source = "app1" }, "not JSON"].`})
	}
	for _, item := range items {
		p.messages = append(p.messages, TestMessage{Body: testValue(item).Body()})
	}
	return p
}

func (l testLoader) message(f *file, b *hclsyntax.Block) (m TestMessage, repeat int) {
	d := l.newDecoder(f, b.DefRange(), "block message")
	d.noName(b)
	own := messageAttributes{Repeat: 1}
	d.whole(b, &own)
	if own.Repeat < 1 || own.Repeat > mostSent {
		d.wrong("repeat", fmt.Sprintf("repeat must be between 1 and %d, not %d", mostSent, own.Repeat), "")
		own.Repeat = 1
	}
	m = TestMessage{RoutingKey: own.RoutingKey, ID: own.ID, Time: d.time("time", own.Time), After: own.After}
	if own.Body.expr != nil {
		m.Body = testValue(own.Body.value).Body()
	}
	if own.Headers.expr != nil {
		headers, ok := jsonValueOf(own.Headers.value).(map[string]any)
		if !ok {
			d.wrong("headers", "headers is not a map", `Write headers = { name = "value" }.`)
		}
		m.Headers = headersOf(headers)
	}
	return m, own.Repeat
}

type failAttributes struct {
	Times     *int     `hcl:"times,optional" doc:"How many writes fail. Without it each does."`
	Error     string   `hcl:"error,optional" doc:"What the error says."`
	Permanent bool     `hcl:"permanent,optional" doc:"Whether no other try can help: then messages are dead letters."`
	Only      anyValue `hcl:"only,optional" doc:"The messages that fail, by their place in what is sent, of which the first is 0; the others of their batch are stored."`
}

func (l testLoader) fail(f *file, b *hclsyntax.Block) (TestFail, bool) {
	d := l.newDecoder(f, b.DefRange(), "block fail")
	own := failAttributes{Error: "the test lets it fail"}
	d.whole(b, &own)
	fail := TestFail{Error: own.Error, Permanent: own.Permanent, Range: d.header}
	if len(b.Labels) != 1 {
		d.add(Diagnostic{Range: &d.header, Summary: "the block fail does not say what fails", Detail: fmt.Sprintf(`Write fail %q { … }. It takes %s.`, engine.RoleOutput, quoted(outputRoles, "and"))})
		return fail, false
	}
	fail.Place, fail.Range = b.Labels[0], *rangeOfBlock(b)
	if own.Times != nil {
		if fail.Times = *own.Times; fail.Times < 1 {
			d.wrong("times", fmt.Sprintf("times must be at least 1, not %d", fail.Times), "Leave it out to let each write fail.")
		}
	}
	items, _, ok := own.Only.items()
	for _, item := range items {
		i, whole := wholeNumber(item)
		ok = ok && whole
		fail.Only = append(fail.Only, i)
	}
	if !ok {
		d.wrong("only", "only is not a list of whole numbers", "Write for example only = [0, 2].")
	}
	return fail, d.place(fail.Place, fail.Range) && !d.bad
}
