package credit

import (
	"math"
	"sync"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// Credit says how many messages a connection may have unacked, so that they take about limit bytes. AMQP counts messages only, so the number
// follows the size of what comes: it starts small, because nothing is known of the first message, and grows with what was seen.
//
// Two things hold. What the broker may send is meant to fit: what is here already and the prefetch of what comes next take at most 1/Slack more
// than the limit. And where messages are larger than those before, so that it does not fit, the connection is not read from there on until there is room (Full), whatever
// was sent: what is here never takes more than the limit, 1/Slack of it, and the message that passes it.
type Credit struct {
	max   int   // messages
	limit int64 // bytes; 0 is none
	fixed bool  // the prefetch must not change: see the input's subscription.go

	caution *Caution // of all connections

	mu       sync.Mutex
	messages int64         // that are here and not settled
	held     int64         // bytes that they take
	average  float64       // bytes of the messages that came last; 0 before the first
	prefetch int           // of the present subscription, 0 when there is none
	got      int           // deliveries of it
	tried    int           // how many of them had come when it was last found too small, and was not
	opened   chan struct{} // closed when there is room again; nil when nobody waits for that
	closed   bool          // what comes is not kept any more, so there is room for it
}

const (
	// largest is what a message may take before one was seen: RabbitMQ takes none over 16 MiB from 4.0 on, unless it is set otherwise. Whatever the first ones are,
	// the first prefetch then holds no more than the limit. A broker before 4.0 takes 128 MiB, and there Full holds it.
	largest = 16 << 20
	// growth is how many times the prefetch that is used up the next one may be. Each change stops the deliveries for three round trips, and a queue of small
	// messages comes from 1 to all that there can be (65535) in four of them: 32^4 > 65535 > 32^3. The messages that it is believed from are a part in 32 of
	// those that it asks for: that many more large ones may wait in the broker when they were no sample of what comes.
	growth = 32
	// Slack: what is held may be 1/Slack more than the limit. Less, and a flow whose messages are of one size would be changed for rounding alone; more is
	// memory that nobody allowed.
	Slack = 4
	// memory is how many messages the average looks back on at most. A queue that turns large is found out after a few of them, and a single large one of
	// hundreds changes it by less than its own size.
	memory = 64
)

// New makes the credit of a connection: at most prefetch messages, and about limit bytes of them, 0 for no limit. average is what is known of their size
// in bytes, 0 for nothing. The caution is that of all connections of an input.
func New(prefetch int, limit int64, average float64, shared *Caution) *Credit {
	return &Credit{max: prefetch, limit: limit, average: average, caution: shared}
}

// Fix says what is known of the queue: see the input's subscription.go.
func (c *Credit) Fix(seen rabbitmq.Seen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fixed = !seen.Known || seen.SingleActive
}

// Limit is about how many bytes may be here; 0 is no limit.
func (c *Credit) Limit() int64 { return c.limit }

// most is how many bytes may be here.
func (c *Credit) most() int64 { return c.limit + c.limit/Slack }

// next is the prefetch of a subscription that would begin now. 0 is none: there is no room.
func (c *Credit) next() int {
	if c.fixed {
		return c.max
	}
	most := c.caution.Bound(c.max)
	if c.limit <= 0 {
		return most
	}
	size := c.average
	if size == 0 {
		size = largest
	}
	// Rounded up, or the engine would not see that the limit is reached, and rounded down, or what is here and what comes would not fit.
	fits := min(math.Ceil(float64(c.limit)/size), math.Floor(float64(c.most()-c.held)/size))
	switch step := growth * float64(c.prefetch); {
	case c.held >= c.limit:
		return 0
	case fits < 1:
		return 1 // it comes alone, however large it is: what is held may be held for ever
	case step > 0 && fits > Slack*step: // so a step holds at most 1/Slack of the limit, and leaves room for the next one
		fits = step
	}
	return int(min(float64(most), fits))
}

// Begin starts a subscription and returns its prefetch, or 0 while there is no room for one.
func (c *Credit) Begin() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prefetch, c.got, c.tried = c.next(), 0, 0
	return c.prefetch
}

// Suffices notes that the prefetch is not what stops the deliveries, whatever came. It is looked at again when as many have come once more.
func (c *Credit) Suffices() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = c.got
}

// Take notes that messages came.
func (c *Credit) Take(list []rabbitmq.Incoming) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// The smaller the prefetch is, the sooner a change must be seen: it is 2/(n+1) for an average that looks back on n messages.
	weight := min(max(2.0/memory, 2/float64(c.prefetch+1)), 0.5)
	for i := range list {
		size := int64(list[i].Size)
		c.messages++
		c.held += size
		c.got++
		if c.average == 0 {
			c.average = float64(size)
		}
		c.average += (float64(size) - c.average) * weight
	}
}

// Grow notes that messages which are here take more than they did.
func (c *Credit) Grow(bytes int64) {
	if bytes == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held += bytes
}

// Give notes that messages are settled.
func (c *Credit) Give(messages, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages -= messages
	c.held -= bytes
	c.caution.Settled(messages)
	c.open()
}

// Look notes how many deliveries of the subscription are acked. Where all has come that the prefetch allows, it is what stops the deliveries, whatever was found
// before: nothing more would come to show it.
func (c *Credit) Look(acked int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prefetch > 0 && c.usedUp(acked) {
		c.tried = min(c.tried, c.got-c.prefetch)
	}
}

// UsedUp reports whether all has come that the prefetch allows, when so many deliveries of the subscription are acked.
func (c *Credit) UsedUp(acked int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usedUp(acked)
}

func (c *Credit) usedUp(acked int) bool { return c.got-acked >= c.prefetch }

// Change is what the prefetch should do.
type Change int

const (
	Same    Change = iota
	Smaller        // it is too large for what comes
	Larger         // it is much too small, and has come; or there is none, and room for one
)

// Due is how the prefetch should change.
func (c *Credit) Due() Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.prefetch == 0:
		return largerIf(c.next() > 0)
	case c.fixed:
		return Same
	case c.limit > 0 && c.held >= c.limit:
		// Now it matters how much may still come; an average over many is late, and what is here counts for what comes.
		c.average = max(c.average, float64(c.held)/float64(c.messages))
		if float64(c.prefetch)*c.average > float64(c.most()) {
			return Smaller
		}
		return Same
	case c.prefetch == c.max || c.got-c.tried < c.prefetch:
		return Same // it is not what stops the deliveries, or was not tried
	case c.messages >= int64(c.prefetch):
		// It is used up, and the limit is not: nothing more comes before something is settled, and a pipeline that waits to fill a batch settles nothing. So
		// here, too, what is here counts.
		c.average = min(c.average, float64(c.held)/float64(c.messages))
	}
	next := c.next()
	return largerIf(next == c.max || next >= 2*c.prefetch) // a change costs more than the last half brings
}

func largerIf(ok bool) Change {
	if ok {
		return Larger
	}
	return Same
}

// Full is for rabbitmq.Holder.
func (c *Credit) Full() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.room() {
		return nil
	}
	if c.opened == nil {
		c.opened = make(chan struct{})
	}
	return c.opened
}

func (c *Credit) room() bool { return c.closed || c.limit <= 0 || c.held < c.most() }

func (c *Credit) open() {
	if c.opened != nil && c.room() {
		close(c.opened)
		c.opened = nil
	}
}

// Close says that what comes from now on is not kept.
func (c *Credit) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.open()
}

// Size is the average of what came last.
func (c *Credit) Size() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.average
}

// Holding is how many bytes are here.
func (c *Credit) Holding() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// Asked is the prefetch of the present subscription, or the last one, and how many messages it has brought.
func (c *Credit) Asked() (prefetch, got int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prefetch, c.got
}

// Waiting is how many messages are here.
func (c *Credit) Waiting() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.messages
}
