package amqp

import (
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/outbound"
)

// link is a connection and its channels. Each Write has a channel for itself, so that a channel that the broker closes for
// one message takes only the other messages of that Write with it.
type link struct {
	conn    *rabbitmq.Connection
	timeout time.Duration
	stale   atomic.Bool  // something that was declared seems to be missing
	largest atomic.Int64 // body that the broker takes, once it has said so; 0 is not known
	*channels
}

// logBlocked returns a function that tells when the broker blocks the connection and when it goes on, until the connection ends.
func (l *link) logBlocked(log *slog.Logger) func() {
	blocked := l.conn.NotifyBlocked(make(chan amqp091.Blocking, 8))
	return func() {
		was := false
		for b := range blocked {
			if b.Active && !was {
				log.Warn("the broker takes no more messages for now; writes wait until it does", "reason", b.Reason)
			} else if was && !b.Active {
				log.Info("the broker takes messages again")
			}
			was = b.Active
		}
	}
}

// channel is a channel in confirm mode.
type channel struct {
	*rabbitmq.Channel
	pub     *outbound.Channel
	sent    []sent // of the last Write, for its memory
	ask     chan chan<- returned
	stopped chan struct{} // closed when no more returns come
	rest    returned      // what nobody had asked for by then; read it after stopped
}

// returned are the messages that no queue got, in the order in which they came, with what the broker
// said of the last one.
type returned struct {
	by   map[name][]uint64 // sums, see content
	text string
}

// name is what messages are known by at first. Message ids are the producers': several messages may
// have one, and on the same way, which a headers exchange parts all the same. See content then.
type name struct{ id, key string }

func (r *returned) note(back *amqp091.Return) {
	if r.by == nil {
		r.by = map[name][]uint64{}
	}
	n := name{back.MessageId, back.RoutingKey}
	r.by[n] = append(r.by[n], content(back.Headers, back.Body))
	r.text = back.ReplyText
}

// seed is of this process: nobody can choose messages whose sums are the same.
var seed = maphash.MakeSeed()

// content is a sum over what a headers exchange can look at, and the body. Messages with one name, the
// same headers and the same body go the same way, and are the same to whoever reads them.
func content(headers amqp091.Table, body []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	// Values are written with their types, maps in the order of their keys.
	fmt.Fprintf(&h, "%#v", rabbitmq.PlainTable(headers))
	h.Write(body) // never fails
	return h.Sum64()
}

func openChannel(conn *rabbitmq.Connection) (*channel, error) {
	ch, err := conn.Open()
	if err != nil {
		return nil, err
	}
	c := &channel{Channel: ch, ask: make(chan chan<- returned), stopped: make(chan struct{})}
	go c.collect(ch.NotifyReturn(make(chan amqp091.Return, 64)))
	if c.pub, err = ch.Publisher(); err != nil {
		return nil, ch.Explain(err)
	}
	return c, nil
}

// room is for what becomes of n messages.
func (c *channel) room(n int) []sent {
	if cap(c.sent) < n {
		c.sent = make([]sent, n)
	}
	c.sent = c.sent[:n]
	clear(c.sent)
	return c.sent
}

// collect takes the returns until the channel is closed. It does nothing else: the library drops a return that nobody
// takes within 5 s, and the message would look stored.
func (c *channel) collect(returns <-chan amqp091.Return) {
	defer close(c.stopped)
	var got returned
	for {
		select {
		case r, ok := <-returns:
			if !ok {
				c.rest = got
				return
			}
			got.note(&r)
		case reply := <-c.ask:
			for more := true; more; {
				select {
				case r, ok := <-returns:
					if more = ok; ok {
						got.note(&r)
					}
				default:
					more = false
				}
			}
			reply <- got
			got = returned{}
		}
	}
}

// returns gives what was returned since the last call. The broker returns a message before it confirms it, and the
// library passes both on in this order: after the confirms nothing is missing here.
func (c *channel) returns() returned {
	reply := make(chan returned, 1)
	select {
	case c.ask <- reply:
		return <-reply
	case <-c.stopped:
		return c.rest // a message can be returned and confirmed, and the channel closed for another one
	}
}
