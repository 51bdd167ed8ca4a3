package pipetest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/pipetest"
)

const twoBranches = `  processor "json" {}
  branch "audit" {
    when = "kind == 'audit'"
    output "plain" {}
    dead_letter "file" {
      path = "/audit-dead"
    }
  }
  branch "debug" {
    when = "level == 'debug'"
    processor "batch" {}
    output "plain" {}
  }
  dead_letter "file" {
    path = "/dead"
  }`

// Each message is at each place that asked for it, and a branch that fails keeps none from another.
func TestBranches(t *testing.T) {
	const both, audit, debug, none = `{"kind":"audit","level":"debug"}`, `{"kind":"audit"}`, `{"level":"debug"}`, `{}`
	type places map[string][]string
	for name, tt := range map[string]struct {
		fails []config.TestFail
		want  places
		held  int
	}{
		"well": {nil, places{"audit.output": {both, audit}, "debug.output": {both, debug}, "dead_letter": {none}}, 0},
		"one is down": {[]config.TestFail{{Place: "audit.output", Error: "down"}},
			places{"debug.output": {both, debug}, "dead_letter": {none}}, 2},
		"it can never store them": {[]config.TestFail{{Place: "audit.output", Error: "never", Permanent: true}},
			places{"debug.output": {both, debug}, "audit.dead_letter": {both, audit}, "dead_letter": {none}}, 0},
		"the other can never store them": {[]config.TestFail{{Place: "debug.output", Error: "never", Permanent: true}},
			places{"audit.output": {both, audit}, "dead_letter": {both, debug, none}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := run(t, pipetest.Case{Pipeline: load(t, twoBranches), Send: send(both, audit, debug, none), Fails: tt.fails})
			got := places{}
			for place, p := range o.Places {
				if b := bodies(p); b != nil {
					got[place] = b
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if o.Held != tt.held {
				t.Errorf("%d are held, not %d", o.Held, tt.held)
			}
		})
	}
	o := run(t, pipetest.Case{Pipeline: load(t, twoBranches), Send: send(both)})
	for place, id := range map[string]string{"audit.output": "audit-0001", "debug.output": "debug-0001"} {
		if b := o.Places[place].Batches; len(b) != 1 || b[0].ID != id {
			t.Errorf("%s: %+v", place, b)
		}
	}
}
