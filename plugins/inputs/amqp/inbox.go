package amqp

import (
	"sync"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// How large a chunk may become.
const (
	chunkMessages = 256
	chunkBytes    = 1 << 20
)

// part is what becomes one chunk: deliveries of one channel that follow each other.
type part struct {
	deliveries []rabbitmq.Incoming
	bytes      int64 // of all that is held
}

func (p *part) full() bool { return len(p.deliveries) >= chunkMessages || p.bytes >= chunkBytes }

func (p *part) first() uint64 { return p.deliveries[0].Tag }
func (p *part) last() uint64  { return p.deliveries[len(p.deliveries)-1].Tag }

// cut takes the deliveries from n on out and returns them as a part of their own.
func (p *part) cut(n int) *part {
	rest := &part{deliveries: append([]rabbitmq.Incoming(nil), p.deliveries[n:]...)}
	for i := range rest.deliveries {
		rest.bytes += int64(rest.deliveries[i].Size)
	}
	clear(p.deliveries[n:])
	p.deliveries = p.deliveries[:n]
	p.bytes -= rest.bytes
	return rest
}

// inbox holds the deliveries of one channel between the connection and Read. What the broker may send without an ack, the
// prefetch, is its bound.
type inbox struct {
	mu    sync.Mutex
	shut  bool    // nothing may be taken for now
	parts []*part // the oldest first; only the last one grows
	size  int     // of the last chunk that was read, the guess for the next one
}

// put adds deliveries. It reports whether the reader should be woken: the inbox was empty, or a chunk became full.
func (b *inbox) put(list []rabbitmq.Incoming) (wake bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wake = len(b.parts) == 0
	for i := range list {
		p := b.growing()
		p.deliveries = append(p.deliveries, list[i])
		p.bytes += int64(list[i].Size)
		wake = wake || p.full()
	}
	return wake && !b.shut
}

// growing is the part that the next delivery goes to.
func (b *inbox) growing() *part {
	if n := len(b.parts); n > 0 && !b.parts[n-1].full() {
		return b.parts[n-1]
	}
	p := &part{deliveries: make([]rabbitmq.Incoming, 0, min(max(b.size, 4), chunkMessages))}
	b.parts = append(b.parts, p)
	return p
}

// take returns the oldest chunk, nil if there is none. With only full set it leaves a chunk that can still grow.
func (b *inbox) take(onlyFull bool) *part {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shut || len(b.parts) == 0 || onlyFull && !b.parts[0].full() {
		return nil
	}
	p := b.parts[0]
	b.parts[0] = nil
	if b.parts = b.parts[1:]; len(b.parts) == 0 {
		b.parts = nil
	}
	b.size = len(p.deliveries)
	return p
}

// back puts a part of what take returned last at the front again.
func (b *inbox) back(p *part) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = append([]*part{p}, b.parts...)
}

// hold keeps what comes from being taken, until it is called with false.
func (b *inbox) hold(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shut = on
}

func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.parts) == 0
}
