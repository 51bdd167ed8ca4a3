package dlq

import (
	"slices"
	"sync"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// inbox has what came and was not looked at yet: at most what was asked for. It takes the place of the library's deliveries, because
// the library ends the connection at messages that a queue can have: a content header larger than the frames that were agreed upon, and headers of more
// depth, more entries or other types than it knows.
type inbox struct {
	wake chan struct{} // something came

	mu   sync.Mutex
	came []rabbitmq.Incoming
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// Receive implements rabbitmq.Receiver.
func (b *inbox) Receive(list []rabbitmq.Incoming) {
	b.mu.Lock()
	b.came = append(b.came, list...)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // it is awake
	}
}

// take returns what came, in its order.
func (b *inbox) take() []rabbitmq.Incoming {
	b.mu.Lock()
	defer b.mu.Unlock()
	came := slices.Clip(b.came)
	b.came = nil
	return came
}
