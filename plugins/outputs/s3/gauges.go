package s3

import (
	"sync/atomic"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// compressionRatio is how many bytes became one in the objects that were stored since the start: what storage costs goes by it, and nobody knows it of
// logs before they are packed.
const compressionRatio engine.GaugeName = "compression_ratio"

// packed counts what was stored.
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
	return []engine.Gauge{{Name: compressionRatio, Value: float64(o.packed.raw.Load()) / float64(objects)}}
}
