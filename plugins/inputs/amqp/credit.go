package amqp

import (
	"sync"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// guess is taken for the size of a message as long as none was seen, so that the first prefetch is not thousands of large ones.
const guess = 1 << 20

// credit says how many messages a consumer may have unacked, so that they take about limit bytes. AMQP counts
// messages only, so the number follows the size of what comes. What is held may reach the limit and one prefetch more, which the broker
// has sent before it hears of a change, and one message: a subscription of that size keeps the place until there is room.
type credit struct {
	max   int   // messages
	limit int64 // bytes; 0 is none

	mu       sync.Mutex
	messages int64   // that are here and not settled
	held     int64   // bytes that they take
	average  float64 // bytes of the messages that came last
	prefetch int     // of the present subscription
	got      int     // deliveries of it
	least    bool    // it is there only so that the queue has a consumer, because the limit is passed
}

func newCredit(prefetch int, limit int64) *credit {
	return &credit{max: prefetch, limit: limit, average: guess}
}

// wanted is the prefetch that fits the messages seen last. It goes a quarter beyond the limit: if it stopped short of it, the
// engine would not see that the input can bring nothing more, and would not ask for half-full batches.
func (c *credit) wanted() int {
	if c.limit <= 0 {
		return c.max
	}
	return min(c.max, int(1.25*float64(c.limit)/max(c.average, 1))+1)
}

// begin starts a subscription and returns its prefetch.
func (c *credit) begin() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prefetch, c.got, c.least = c.wanted(), 0, !c.room()
	if c.least {
		c.prefetch = 1
	}
	return c.prefetch
}

// take notes that messages came.
func (c *credit) take(list []rabbitmq.Incoming) {
	c.mu.Lock()
	defer c.mu.Unlock()
	weight := min(max(1.0/64, 2/float64(c.prefetch+1)), 0.5) // the smaller the prefetch, the sooner a change must be seen
	for i := range list {
		size := int64(list[i].Size)
		c.messages++
		c.held += size
		c.got++
		if c.average == guess && c.got == 1 {
			c.average = float64(size)
		}
		c.average += (float64(size) - c.average) * weight
	}
}

// give notes that messages are settled. It reports whether there is room again.
func (c *credit) give(messages, bytes int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages -= messages
	c.held -= bytes
	return c.limit > 0 && c.held <= c.limit && c.held+bytes > c.limit
}

// room reports whether more may come.
func (c *credit) room() bool { return c.limit <= 0 || c.held <= c.limit }

// change reports whether another subscription should begin because the prefetch is too large for what comes, or much too small.
func (c *credit) change() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.limit <= 0:
		return false
	case c.held > c.limit:
		return c.wanted() < c.prefetch*3/4
	case c.least:
		return true
	case c.prefetch == c.max || c.got < c.prefetch:
		return false
	case c.messages >= int64(c.prefetch):
		// The prefetch is used up, and the limit is not. Nothing more comes before something is settled, and a pipeline that
		// waits to fill a batch settles nothing: so this may not wait for a better average.
		c.average = min(c.average, float64(c.held)/float64(c.messages))
		return c.wanted() > c.prefetch
	}
	wanted := c.wanted()
	return wanted == c.max || wanted >= 2*c.prefetch
}

// holding is how many bytes are here.
func (c *credit) holding() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// waiting is how many messages are here.
func (c *credit) waiting() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.messages
}
