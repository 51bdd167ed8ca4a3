package amqp

import (
	"testing"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// A classic queue of an old broker must not keep tens of thousands of acks behind one rare message: that costs it more than all the rest. Others need
// not pay for it with small batches.
func TestFewAcksWaitWhereTheyAreDear(t *testing.T) {
	for _, kind := range []string{"classic", "quorum"} {
		v := rabbittest.New(t)
		cfg := config(v)
		cfg.QueueType, cfg.Prefetch = kind, 4*journaled
		in := newInput(t, cfg, env(t))
		open(t, in)
		few := kind == "classic" && !in.session.conns[0].Broker.From(3, 12)
		const each = 512
		stands := make([][]byte, each)
		for i := range stands {
			stands[i] = []byte("x")
		}
		v.Publish("logs", stands...)
		first := read(t, in)
		told := false
		for settled := len(first.Messages); settled < 2*journaled && !told; {
			v.Publish("logs", stands...)
			b := read(t, in)
			settled += len(b.Messages)
			if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
				t.Fatal(err)
			}
			select {
			case <-in.session.short:
				told = true
			default:
			}
		}
		if told != few {
			t.Errorf("%s: the engine is told %v that the front stands, want %v", kind, told, few)
		}
		shut(t, in)
	}
}
