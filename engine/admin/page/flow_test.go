package page

import (
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// A message that goes to two branches comes over the arrow before them once. Counted twice, the pipeline would seem to write more than it reads.
func TestFlowsOfBranches(t *testing.T) {
	p := stats.NewPipeline("logs", []stats.Place{
		{Name: "input.amqp", Role: engine.RoleInput}, {Name: "processor.batch", Role: engine.RoleProcessor}, {Name: engine.ForkStep, Role: engine.RoleProcessor},
		{Name: "a.processor.retry", Role: engine.RoleProcessor}, {Name: "a.output.s3", Role: engine.RoleOutput}, {Name: "b.output.s3", Role: engine.RoleOutput},
	})
	for _, e := range []engine.Event{
		{Kind: engine.Received, Plugin: "input.amqp", Messages: 10, Bytes: 100},
		{Kind: engine.Dropped, Plugin: engine.ForkStep, Messages: 1},
		{Kind: engine.Sealed, Plugin: "a.output.s3", Messages: 9, Bytes: 90},
		{Kind: engine.Sealed, Plugin: "b.output.s3", Messages: 4, Bytes: 40},
	} {
		p.Observe(e)
	}
	got := flows(p, []string{"", KindStage, "", KindPolicy, "", ""})
	for i, want := range []int64{10, 10, 10, 9} {
		if got[i].messages != want {
			t.Errorf("%s: %d messages, want %d", p.Steps[i].Name, got[i].messages, want)
		}
	}
	if n := p.Step(engine.ForkStep).Dropped.Load(); n != 1 {
		t.Errorf("%d messages without a branch are counted", n)
	}
}
