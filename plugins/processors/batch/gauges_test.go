package batch

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
)

// An operator who asks why nothing is stored sees here that batches wait to be filled.
func TestGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Defaults()
		c.Count, c.PartitionBy = 4, []string{"a"}
		s := start(t, c)
		open := func(groups, messages, fullest float64) {
			t.Helper()
			want := []engine.Gauge{{Name: engine.OpenGroups, Value: groups}, {Name: engine.OpenMessages, Value: messages}, {Name: engine.FullestShare, Value: fullest}}
			if diff := cmp.Diff(want, s.stage.(engine.Gauger).Gauges()); diff != "" {
				t.Error(diff)
			}
		}
		open(0, 0, 0)
		s.send(chunk(`{"a":1}`, `{"a":1}`, `{"a":1}`, `{"a":2}`))
		open(2, 4, 0.75)
		s.send(chunk(`{"a":1}`))
		open(1, 1, 0.25)
		s.end(t)
		open(0, 0, 0)
	})
}
