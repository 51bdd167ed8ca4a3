package s3

import (
	"sync/atomic"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// packed counts what was stored: what storage costs goes by how much smaller it became, and nobody knows that of logs before they are packed.
type packed struct{ raw, objects atomic.Int64 }

func (p *packed) note(b *encode.Buffer) {
	p.raw.Add(b.Raw)
	p.objects.Add(b.Size())
}

// Gauges implements engine.Gauger. Without compression, and before the first object, there are none.
func (o *output) Gauges() []engine.Gauge {
	objects := o.packed.objects.Load()
	if objects == 0 || o.cfg.compression() == encode.None {
		return nil
	}
	return []engine.Gauge{{Name: engine.CompressionRatio, Value: float64(o.packed.raw.Load()) / float64(objects)}}
}
