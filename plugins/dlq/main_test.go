package dlq

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// world is a virtual host with a dead-letter queue "dead" and the queues "a" and "b".
type world struct {
	*rabbittest.VHost
	t *testing.T
}

// onEach runs a test with each type of dead-letter queue: what a broker does with messages that are returned differs between them.
func onEach(t *testing.T, test func(*testing.T, world)) {
	for kind, args := range map[string]amqp.Table{
		"classic": {"x-queue-type": "classic"}, "quorum": {"x-queue-type": "quorum"}, "quorum with a limit": {"x-queue-type": "quorum", "x-delivery-limit": int64(20)},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, args))
		})
	}
}

func newWorld(t *testing.T, dead amqp.Table) world {
	t.Helper()
	w := world{rabbittest.New(t), t}
	w.Declare("dead", dead)
	w.Declare("a", amqp.Table{"x-queue-type": "quorum"})
	w.Declare("b", nil)
	return w
}

// letter is a dead letter as the amqp output makes it.
func letter(body, from string, more amqp.Table) amqp.Publishing {
	headers := amqp.Table{
		"x-logpipe-reason": "rejected", "x-logpipe-error": "not JSON", "x-logpipe-pipeline": "logs", "x-logpipe-host": "h", "x-logpipe-version": "v",
		"x-logpipe-first-failed-at": "2026-01-02T03:04:05Z", "x-logpipe-queue": from,
	}
	for name, v := range more {
		headers[name] = v
	}
	return amqp.Publishing{Body: []byte(body), Headers: headers, DeliveryMode: amqp.Persistent, MessageId: "id-" + body}
}

// fill puts the letters first to last into the dead-letter queue, each from the next of these queues in turn.
func (w world) fill(first, last int, from ...string) {
	w.t.Helper()
	var all []amqp.Publishing
	for i := first; i <= last; i++ {
		all = append(all, letter(strconv.Itoa(i), from[(i-first)%len(from)], nil))
	}
	w.Send("", "dead", all...)
	w.WaitReady("dead", last)
}

func (w world) broker() Broker {
	w.t.Helper()
	b, err := At(w.URL, "", "v0")
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w world) open() *Reader {
	w.t.Helper()
	r, err := Open(w.t.Context(), w.broker(), "dead")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.shut(r) })
	return r
}

func (w world) shut(r *Reader) {
	if err := r.Close(context.Background()); err != nil {
		w.t.Error(err)
	}
}

// run redrives, closes, and wants this error or none.
func (w world) run(ctx context.Context, d Redrive) (Result, error) {
	w.t.Helper()
	r := w.open()
	result, err := d.Run(ctx, r)
	w.shut(r)
	return result, err
}

func (w world) must(d Redrive) Result {
	w.t.Helper()
	result, err := w.run(w.t.Context(), d)
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

// has wants these bodies in the queue, in this order, which it takes out.
func (w world) has(queue string, want ...string) []amqp.Delivery {
	w.t.Helper()
	if !rabbittest.Wait(func() bool { return w.Ready(queue) == len(want) }) {
		w.t.Errorf("queue %q has %d messages, want %d", queue, w.Ready(queue), len(want))
	}
	all := w.Take(queue)
	var got []string
	for _, d := range all {
		got = append(got, string(d.Body))
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			w.t.Errorf("queue %q has %d messages, want %d; from number %d on it has %v, want %v", queue, len(got), len(want), i+1,
				got[min(i, len(got)):min(i+5, len(got))], want[min(i, len(want)):min(i+5, len(want))])
			break
		}
	}
	return all
}

// numbers are the bodies first, first+step … last.
func numbers(first, last, step int) (all []string) {
	for i := first; i <= last; i += step {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func show(groups []Group) (all []string) {
	for _, g := range groups {
		all = append(all, fmt.Sprintf("%d %s %s/%s/%s/%s", g.Messages, g.Reason, g.Pipeline, g.Queue, g.Exchange, g.RoutingKey))
	}
	return all
}
