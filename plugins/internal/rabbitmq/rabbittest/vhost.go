// Package rabbittest is what the tests of the amqp plugins share: a virtual host of a real broker, seen from outside, and
// TLS in front of it.
package rabbittest

import (
	"context"
	"net/url"
	"regexp"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/servers"
)

// Patience is how long a test waits for something that must happen.
const Patience = 30 * time.Second

// VHost is a virtual host of a real broker, empty at first.
type VHost struct {
	URL  string // with user and password
	Name string

	tb   testing.TB
	conn *amqp.Connection
	ch   *amqp.Channel // in confirm mode
}

// New makes a virtual host for the test.
func New(tb testing.TB) *VHost {
	tb.Helper()
	v := &VHost{URL: servers.VHost(tb), tb: tb}
	u, err := url.Parse(v.URL)
	if err != nil {
		tb.Fatal("the virtual host has an odd URL")
	}
	v.Name = u.Path[1:]
	return v
}

// Address is the broker's host and port.
func (v *VHost) Address() string {
	u, _ := url.Parse(v.URL) // New has parsed it
	return u.Host
}

// Password is what must not be seen in any log or error.
func (v *VHost) Password() string {
	u, _ := url.Parse(v.URL)
	p, _ := u.User.Password()
	return p
}

// Channel is a channel of the test's own, in confirm mode. It is opened again when something that was tried on it closed it.
func (v *VHost) Channel() *amqp.Channel {
	v.tb.Helper()
	if v.conn == nil || v.conn.IsClosed() {
		conn, err := amqp.Dial(v.URL)
		v.check(err)
		v.conn = conn
		v.tb.Cleanup(func() { conn.Close() })
	}
	if v.ch == nil || v.ch.IsClosed() {
		ch, err := v.conn.Channel()
		v.check(err)
		v.check(ch.Confirm(false))
		v.ch = ch
	}
	return v.ch
}

func (v *VHost) check(err error) {
	v.tb.Helper()
	if err != nil {
		v.tb.Fatal(err)
	}
}

// Declare makes a durable queue.
func (v *VHost) Declare(queue string, args amqp.Table) {
	v.tb.Helper()
	_, err := v.Channel().QueueDeclare(queue, true, false, false, false, args)
	v.check(err)
}

// Policy makes a policy for the queue, and returns when the broker lists it there.
func (v *VHost) Policy(queue string, definition map[string]any) {
	v.tb.Helper()
	broker := servers.TestBroker(v.tb)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	vhost := url.PathEscape(v.Name) + "/" + url.PathEscape(queue)
	v.check(broker.Admin(ctx, "PUT", "/api/policies/"+vhost, map[string]any{
		"pattern": "^" + regexp.QuoteMeta(queue) + "$", "definition": definition, "apply-to": "queues", "priority": 1,
	}, nil))
	ok := Wait(func() bool {
		var is struct{ Policy string }
		v.check(broker.Admin(ctx, "GET", "/api/queues/"+vhost, nil, &is))
		return is.Policy == queue
	})
	if !ok {
		v.tb.Fatalf("queue %q has not got its policy", queue)
	}
}

// Publish puts bodies into a queue, in order, and returns when the broker has them.
func (v *VHost) Publish(queue string, bodies ...[]byte) {
	v.tb.Helper()
	messages := make([]amqp.Publishing, len(bodies))
	for i := range bodies {
		messages[i] = amqp.Publishing{Body: bodies[i], DeliveryMode: amqp.Persistent}
	}
	v.Send("", queue, messages...)
}

// Send publishes messages, in order, and returns when the broker has them. A quorum queue that is only just declared refuses messages for a
// moment: these are sent again, on a channel that has not been refused yet.
func (v *VHost) Send(exchange, key string, messages ...amqp.Publishing) {
	v.tb.Helper()
	sent := Wait(func() bool {
		messages = v.send(exchange, key, messages)
		if len(messages) > 0 {
			v.check(v.ch.Close())
		}
		return len(messages) == 0
	})
	if !sent {
		v.tb.Fatal("the broker did not take a message of the test")
	}
}

// send publishes messages once and returns those that the broker refused.
func (v *VHost) send(exchange, key string, messages []amqp.Publishing) (refused []amqp.Publishing) {
	v.tb.Helper()
	ch := v.Channel()
	var confirms []*amqp.DeferredConfirmation
	for _, m := range messages {
		c, err := ch.PublishWithDeferredConfirm(exchange, key, false, false, m)
		v.check(err)
		confirms = append(confirms, c)
	}
	for i, c := range confirms {
		if !c.Wait() {
			refused = append(refused, messages[i])
		}
	}
	return refused
}

// Ready is the number of messages in the queue that nobody has; -1 if there is no such queue.
func (v *VHost) Ready(queue string) int {
	v.tb.Helper()
	q, err := v.Channel().QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		return -1
	}
	return q.Messages
}

// Take gets all messages out of the queue.
func (v *VHost) Take(queue string) []amqp.Delivery {
	v.tb.Helper()
	var all []amqp.Delivery
	for {
		d, ok, err := v.Channel().Get(queue, true)
		v.check(err)
		if !ok {
			return all
		}
		all = append(all, d)
	}
}

// WaitReady waits until the queue has n messages that nobody has.
func (v *VHost) WaitReady(queue string, n int) {
	v.tb.Helper()
	got := 0
	if !Wait(func() bool { got = v.Ready(queue); return got == n }) {
		v.tb.Fatalf("queue %q has %d ready messages, want %d", queue, got, n)
	}
}

// Wait asks until it is so, with a deadline. It returns whether it is.
func Wait(so func() bool) bool {
	deadline := time.Now().Add(Patience)
	for !so() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

// CloseConnections lets an operator close all connections to the virtual host but the test's own, at least n of them: the broker
// lists a connection some time after it was opened.
func (v *VHost) CloseConnections(n int) {
	v.tb.Helper()
	if v.conn != nil {
		v.conn.Close()
	}
	ctx, cancel := context.WithTimeout(v.tb.Context(), Patience)
	defer cancel()
	broker, closed := servers.TestBroker(v.tb), 0
	ok := Wait(func() bool {
		m, err := broker.CloseConnections(ctx, v.Name)
		v.check(err)
		closed += m
		return closed >= n
	})
	if !ok {
		v.tb.Fatalf("the broker listed %d connections, want %d", closed, n)
	}
}

// User makes a user with these permissions (regular expressions) and returns the URL of the virtual host for it.
func (v *VHost) User(name, password, configure, write, read string) string {
	v.tb.Helper()
	broker := servers.TestBroker(v.tb)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	path := "/api/users/" + url.PathEscape(name)
	v.check(broker.Admin(ctx, "PUT", path, map[string]string{"password": password, "tags": ""}, nil))
	v.tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		v.check(broker.Admin(ctx, "DELETE", path, nil, nil))
	})
	if configure+write+read != "" {
		v.check(broker.Admin(ctx, "PUT", "/api/permissions/"+url.PathEscape(v.Name)+"/"+url.PathEscape(name),
			map[string]string{"configure": configure, "write": write, "read": read}, nil))
	}
	u, _ := url.Parse(v.URL)
	u.User = url.UserPassword(name, password)
	return u.String()
}
