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
	deliveries []delivery
	first      uint64 // delivery tag
	bytes      int64  // of bodies and headers
	headers    int64  // of these alone
}

// delivery is a message that waits to be read.
type delivery struct {
	meta rabbitmq.Delivery
	body []byte
}

func (p *part) full() bool { return len(p.deliveries) >= chunkMessages || p.bytes >= chunkBytes }

// inbox holds the deliveries of one channel between the library and Read. What the broker may send without an ack, the
// prefetch, is its bound.
type inbox struct {
	mu    sync.Mutex
	parts []*part // the oldest first; only the last one grows
	size  int     // of the last chunk that was read, the guess for the next one
}

// put adds a delivery with headers of that many bytes. It reports whether the reader should be woken: the inbox was empty, or a chunk became full.
func (b *inbox) put(tag uint64, d delivery, headers int64) (wake bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var p *part
	if n := len(b.parts); n > 0 && !b.parts[n-1].full() {
		p = b.parts[n-1]
	} else {
		p = &part{first: tag, deliveries: make([]delivery, 0, min(max(b.size, 4), chunkMessages))}
		b.parts = append(b.parts, p)
		wake = n == 0
	}
	p.deliveries = append(p.deliveries, d)
	p.bytes += int64(len(d.body)) + headers
	p.headers += headers
	return wake || p.full()
}

// take returns the oldest chunk, nil if there is none. With only full set it leaves a chunk that can still grow.
func (b *inbox) take(onlyFull bool) *part {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.parts) == 0 || onlyFull && !b.parts[0].full() {
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

func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.parts) == 0
}
