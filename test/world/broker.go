package world

import (
	"fmt"
	"net/url"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/process"
)

// Channel is a channel of the test's own, in confirm mode, on the direct way to the broker. It ends with the test.
func (w *World) Channel() *amqp.Channel {
	w.TB.Helper()
	conn, err := amqp.Dial(w.URL)
	if err != nil {
		w.TB.Fatal(err)
	}
	w.TB.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		w.TB.Fatal(err)
	}
	return ch
}

// Publish sends the messages first to last and returns when the broker has them.
func (w *World) Publish(exchange, key string, first, last int) {
	w.TB.Helper()
	w.Send(exchange, key, first, last, func(seq int) string { return fmt.Sprintf(`{"seq":%d,"source":"app1"}`, seq) })
}

// Send is Publish for bodies of the test's own. What the broker refuses is sent again, as publishers do it: a quorum queue that was made anew
// in this moment may have been taken for the one before it.
func (w *World) Send(exchange, key string, first, last int, body func(seq int) string) {
	w.TB.Helper()
	var left []int
	for seq := first; seq <= last; seq++ {
		left = append(left, seq)
	}
	ch := w.Channel()
	w.Until("the broker takes the messages", func() bool {
		left = w.send(ch, exchange, key, left, body)
		return len(left) == 0
	})
}

// send publishes messages and returns those that the broker refused.
func (w *World) send(ch *amqp.Channel, exchange, key string, all []int, body func(seq int) string) (refused []int) {
	w.TB.Helper()
	var confirms []*amqp.DeferredConfirmation
	for _, seq := range all {
		c, err := ch.PublishWithDeferredConfirm(exchange, key, true, false, amqp.Publishing{Body: []byte(body(seq)), DeliveryMode: amqp.Persistent})
		if err != nil {
			w.TB.Fatal(err)
		}
		confirms = append(confirms, c)
	}
	for i, c := range confirms {
		ok, err := c.WaitContext(w.TB.Context())
		if err != nil {
			w.TB.Fatalf("the broker did not answer for message %d of the test: %v", all[i], err)
		}
		if !ok {
			refused = append(refused, all[i])
		}
	}
	return refused
}

// CloseConnections lets an operator close the connections of a plugin, such as input.amqp, at least one: the broker lists a connection some
// time after it was opened.
func (w *World) CloseConnections(plugin string) {
	w.TB.Helper()
	w.Until("the broker lists a connection of "+plugin, func() bool { return w.CloseSome(plugin) > 0 })
}

// CloseSome is CloseConnections for those that the broker lists now. It returns how many were closed.
func (w *World) CloseSome(plugin string) (closed int) {
	w.TB.Helper()
	for _, c := range w.connections() {
		if strings.Contains(c.Client.Name, plugin) && w.admin("DELETE", "/api/connections/"+url.PathEscape(c.Name), nil) == nil {
			closed++
		}
	}
	return closed
}

type connection struct {
	Name   string
	Client struct {
		Name string `json:"connection_name"`
	} `json:"client_properties"`
}

func (w *World) connections() (all []connection) {
	w.TB.Helper()
	if err := w.admin("GET", "/api/vhosts/"+w.vhost()+"/connections", &all); err != nil {
		w.TB.Fatal(err)
	}
	return all
}

// Unacked is how many messages of a queue are delivered and not acked, as the broker counted a second ago.
func (w *World) Unacked(queue string) int {
	w.TB.Helper()
	var q struct {
		Unacked *int `json:"messages_unacknowledged"`
	}
	if err := w.admin("GET", "/api/queues/"+w.vhost()+"/"+url.PathEscape(queue), &q); err != nil {
		w.TB.Fatal(err)
	}
	if q.Unacked == nil {
		return -1 // not counted yet
	}
	return *q.Unacked
}

func (w *World) vhost() string { return url.PathEscape(strings.TrimPrefix(w.address().Path, "/")) }

func (w *World) admin(method, path string, out any) error {
	return w.Broker.Admin(w.TB.Context(), method, path, nil, out)
}

// SaysTimes waits until a process has logged so many lines with the text, and returns the last of them.
func (w *World) SaysTimes(p *process.Process, text string, times int) (last process.Line) {
	w.TB.Helper()
	w.Until(fmt.Sprintf("the log says %q %d times", text, times), func() bool {
		found := 0
		for _, l := range p.Log() {
			if strings.Contains(l.Text("msg"), text) {
				found++
				last = l
			}
		}
		return found >= times
	})
	return last
}

// Policy sets a policy of the broker, as operators do.
func (w *World) Policy(name string, policy map[string]any) {
	w.TB.Helper()
	if err := w.Broker.Admin(w.TB.Context(), "PUT", w.policy(name), policy, nil); err != nil {
		w.TB.Fatal(err)
	}
}

// NoPolicy takes a policy away.
func (w *World) NoPolicy(name string) {
	w.TB.Helper()
	if err := w.admin("DELETE", w.policy(name), nil); err != nil {
		w.TB.Fatal(err)
	}
}

func (w *World) policy(name string) string { return "/api/policies/" + w.vhost() + "/" + name }
