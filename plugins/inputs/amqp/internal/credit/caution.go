package credit

import "sync"

// Caution keeps a message that the broker cannot deliver from taking its neighbours with it.
//
// A broker takes messages by AMQP 1.0 that it cannot put into AMQP 0-9-1, and finds that out when it delivers them: it
// ends the connection of the reader (541), whoever that is. What it delivered before is void then, although it may be
// stored already: it would be stored again with each try, and each try would be a delivery that a delivery limit
// counts. So after such an end less is asked for at a time, down to one message: all in front of the one that cannot
// be delivered is acked, and that one comes alone. As messages are acked, more is asked for again.
type Caution struct {
	mu   sync.Mutex
	most int   // messages that may be unacked on a connection; 0 is as many as there may be without caution
	full int   // what it was when the broker ended a connection at first
	left int64 // messages to be acked before most is twice as much
}

const (
	// fewer is by how much less is asked for after the broker has ended a connection. From the largest prefetch to 1 it takes
	// six tries, and so many deliveries at most does a message pay for one behind it: well below the limit of 20
	// that RabbitMQ 4 has.
	fewer = 8
	// passed is how often as much as is asked for must be acked before twice as much is. Where every hundredth message
	// cannot be delivered, most stays below a hundred so, and a good one is in few windows that end.
	passed = 4
)

// Alarm notes that the broker ended a connection which might have had this many unacked messages.
func (c *Caution) Alarm(prefetch int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = max(c.full, prefetch)
	c.most = max(1, prefetch/fewer)
	c.left = int64(passed * c.most)
}

// Settled notes that messages are acked.
func (c *Caution) Settled(messages int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most == 0 {
		return
	}
	if c.left -= messages; c.left > 0 {
		return
	}
	c.most *= 2
	c.left = int64(passed * c.most)
	if c.most >= c.full {
		c.most, c.full = 0, 0
	}
}

// Bound is how much of a prefetch may be used.
func (c *Caution) Bound(prefetch int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most == 0 {
		return prefetch
	}
	return min(prefetch, c.most)
}
