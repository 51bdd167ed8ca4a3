package amqp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// channels hands out the channels of one connection. A Write has one for itself; where there are as many as there may be,
// it waits until another Write gives one back.
//
// How many there may be, nobody tells beforehand but for channel_max: the limits of a user and of a node are over all
// connections of all processes. The broker answers one too many with the end of the connection, and then it is not known
// what became of the messages that waited for their confirm: they would be published again, and be there twice. So a
// channel is opened in a quiet moment only, in which no Write uses the connection: a refusal costs no more than to connect
// again.
//
// A quiet moment is made: who wants one lets no Write begin until those that run have ended, but for no longer than
// quietWithin. After that a Write takes the first channel that is given back, as if there could be no more.
type channels struct {
	conn *rabbitmq.Connection
	most *atomic.Int32    // that there may be; 0 is not known. It is the output's, and outlives the connection
	few  func(int, error) // told how many there can be, and why no more

	mu      sync.Mutex
	idle    []*channel
	busy    int           // with a Write
	taken   bool          // somebody opens channels, or asks something: no Write begins
	growers int           // who want a quiet moment for another channel,
	goal    int           // so that there are so many,
	loners  int           // or for something else
	changed chan struct{} // closed when something has changed
}

// quietWithin is how long Writes may be kept from beginning for the sake of another channel. Most Writes take some
// milliseconds; one that the broker keeps for long would make all others wait as long.
const quietWithin = time.Second

// errShutOut is why channels are given back.
var errShutOut = errors.New("another connection of this user, of an input or a dead letter, could have no channel at all: the user's limit " +
	"max-channels, or the node's, is too small")

// errBusy is why something is put off that wants a quiet moment.
var errBusy = errors.New("the connection is in use")

func newChannels(conn *rabbitmq.Connection, most *atomic.Int32, few func(int, error)) *channels {
	return &channels{conn: conn, most: most, few: few, changed: make(chan struct{})}
}

// take returns a channel that nobody else uses.
func (c *channels) take(ctx context.Context) (*channel, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var quiet *wish
	defer func() { quiet.end() }()
	for {
		c.idle = slices.DeleteFunc(c.idle, func(ch *channel) bool { return ch.IsClosed() })
		switch {
		case c.taken:
		case c.busy == 0 && c.open() < quiet.goal() && c.room() > 0:
			if err := c.grow(ctx); err != nil {
				return nil, err
			}
			continue
		case len(c.idle) > 0 && !c.held():
			return c.pop(), nil
		case len(c.idle) == 0 && c.room() > 0 && quiet == nil:
			quiet = c.wantMore()
			continue
		case c.open() >= int(c.conn.Config.ChannelMax):
			c.few(c.open(), c.conn.Explain(amqp091.ErrChannelMax))
		}
		if err := c.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// first opens one channel, so that its place is kept: others may take what is left before the first Write comes, and a dead
// letter comes seldom.
func (c *channels) first(ctx context.Context) error {
	ch, err := c.take(ctx)
	if err == nil {
		c.give(ctx, ch)
	}
	return err
}

// held reports whether Writes are kept from beginning.
func (c *channels) held() bool {
	return c.loners > 0 || c.growers > 0 && c.open() < c.goal && c.room() > 0
}

func (c *channels) pop() *channel {
	last := len(c.idle) - 1
	ch := c.idle[last]
	c.idle = c.idle[:last]
	c.busy++
	return ch
}

// give puts a channel back, unless it is closed or there are more than there may be.
func (c *channels) give(ctx context.Context, ch *channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.room() < 0 {
		c.mu.Unlock()
		c.close(ctx, ch)
		c.mu.Lock()
	}
	c.busy--
	if !ch.IsClosed() {
		c.idle = append(c.idle, ch)
	}
	c.change()
}

// close closes a channel that is not among the idle ones.
func (c *channels) close(ctx context.Context, ch *channel) {
	release := c.conn.Guard(ctx)
	_ = ch.Close() // what was to be confirmed is; the next Write finds out whether the connection lives
	_ = release()
}

// alone calls ask, which opens a channel and closes it, in a quiet moment. errBusy says that none came.
//
// A question that is vital gets the place of an idle channel if there is no other.
func (c *channels) alone(ctx context.Context, vital bool, ask func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	quiet := c.wantQuiet()
	defer quiet.end()
	for c.taken || c.busy > 0 {
		if quiet.over {
			return errBusy
		}
		if err := c.wait(ctx); err != nil {
			return err
		}
	}
	var closing []*channel
	for vital && c.room() <= 0 && len(c.idle) > 0 {
		closing, c.idle = append(closing, c.idle[0]), c.idle[1:]
	}
	if c.room() <= 0 {
		return errBusy
	}
	return c.hold(func() error {
		for _, ch := range closing {
			c.close(ctx, ch)
		}
		return ask()
	})
}

// grow opens as many channels as are wanted and may be, in a quiet moment.
func (c *channels) grow(ctx context.Context) error {
	n, have := min(c.goal-c.open(), c.room()), c.open()
	var opened []*channel
	err := c.hold(func() error {
		release := c.conn.Guard(ctx)
		var err error
		for range n {
			var ch *channel
			if ch, err = openChannel(c.conn); err != nil {
				break
			}
			opened = append(opened, ch)
		}
		if aborted := release(); aborted != nil {
			return aborted
		}
		return err
	})
	c.idle = append(c.idle, opened...)
	if have += len(opened); have > 0 && rabbitmq.IsLimit(err) {
		c.most.Store(int32(have))
		c.few(have, err)
	}
	return err
}

// hold calls f without the lock, while nobody uses the connection.
func (c *channels) hold(f func() error) error {
	c.taken = true
	c.mu.Unlock()
	err := f()
	c.mu.Lock()
	c.taken = false
	c.change()
	return err
}

// yield gives channels back whenever another connection of the user could have none, until the connection ends.
func (c *channels) yield() {
	_, more := c.conn.ShutOut()
	for {
		select {
		case <-more:
		case <-c.conn.Done():
			return
		}
		_, more = c.conn.ShutOut()
		for _, ch := range c.halve() {
			_ = ch.Close() // it is closed already, or the connection is
		}
	}
}

// halve makes half of the channels enough, and returns those that are to be closed. Those that a Write uses are closed
// after it.
func (c *channels) halve() []*channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := max(1, c.open()/2)
	c.most.Store(int32(most))
	c.few(most, errShutOut)
	n := min(len(c.idle), max(0, -c.room()))
	closing := slices.Clone(c.idle[:n])
	c.idle = slices.Delete(c.idle, 0, n)
	return closing
}

func (c *channels) open() int { return len(c.idle) + c.busy }

// room is how many channels more there may be.
func (c *channels) room() int {
	most := int(c.conn.Config.ChannelMax)
	if n := int(c.most.Load()); n > 0 {
		most = min(most, n)
	}
	return most - c.open()
}

func (c *channels) change() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// wait waits until something changes.
func (c *channels) wait(ctx context.Context) error {
	changed := c.changed
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-changed:
	case <-c.conn.Done():
		return c.conn.Explain(amqp091.ErrClosed)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
