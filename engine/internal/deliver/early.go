package deliver

import (
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/settle"
)

// sayPressure tells, once for each input, that batches are sealed before they are full or old enough, and how old they can become. It is called
// before a batch that pressure sealed is written.
func (br *Branch) sayPressure(b *engine.Batch) {
	if b.SealedBy != engine.SealedByPressure || br.Attempt.Health.fails() {
		return // while nothing can be written windows are full because of that
	}
	for i := range b.Messages {
		r := settle.ReceiptOf(&b.Messages[i])
		if r == nil || !r.Pressing.Load() {
			continue
		}
		if r.Epoch.Window.Said.CompareAndSwap(false, true) {
			br.Life.Log.Warn("a batch is sealed before it is full or old enough, because its input can read no more before some of it is stored; "+
				"at this rate a batch can be open for about age; fewer partitions make larger batches, and a larger max_in_flight, prefetch or number of connections lets them be open for longer",
				"plugin", r.Epoch.Input, "age", time.Since(r.Since).Round(time.Millisecond), "partition", b.Partition, "messages", len(b.Messages))
		}
		return
	}
}
