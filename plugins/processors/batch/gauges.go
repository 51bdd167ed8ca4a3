package batch

import (
	"sync/atomic"

	"github.com/logpipe/logpipe/engine"
)

// open is what is open at this moment. It is noted once a chunk.
type open struct {
	groups, messages atomic.Int64
	fullest          atomic.Int64 // messages in the fullest of the oldest groups
}

// mostLooked bounds the search for the fullest group: it is for people to look at, and must cost nothing where there are thousands.
const mostLooked = 64

func (o *open) note(gs *groups) {
	fullest := 0
	n := 0
	for g := gs.oldest; g != nil && n < mostLooked; g = g.newer {
		fullest = max(fullest, len(g.messages))
		n++
	}
	o.groups.Store(int64(len(gs.byKey)))
	o.messages.Store(int64(gs.messages))
	o.fullest.Store(int64(fullest))
}

// Gauges implements engine.Gauger.
func (p *processor) Gauges() []engine.Gauge {
	return []engine.Gauge{
		{Name: engine.OpenGroups, Value: float64(p.open.groups.Load())},
		{Name: engine.OpenMessages, Value: float64(p.open.messages.Load())},
		{Name: engine.FullestShare, Value: float64(p.open.fullest.Load()) / float64(p.Count)},
	}
}
