package engine

import "time"

// sayPressure tells, once for each input, that batches are sealed before they are full or old enough, and how old they can become. It is called
// before a batch that pressure sealed is written.
func (br *branch) sayPressure(b *Batch) {
	if b.SealedBy != SealedByPressure || br.attempt.health.fails() {
		return // while nothing can be written windows are full because of that
	}
	for i := range b.Messages {
		r := receiptOf(&b.Messages[i])
		if r == nil || !r.pressing.Load() {
			continue
		}
		if r.epoch.window.said.CompareAndSwap(false, true) {
			br.r.log.Warn("a batch is sealed before it is full or old enough, because its input can read no more before some of it is stored; "+
				"at this rate a batch can be open for about age; fewer partitions make larger batches, and a larger max_in_flight, prefetch or number of connections lets them be open for longer",
				"plugin", r.epoch.input, "age", time.Since(r.since).Round(time.Millisecond), "partition", b.Partition, "messages", len(b.Messages))
		}
		return
	}
}
