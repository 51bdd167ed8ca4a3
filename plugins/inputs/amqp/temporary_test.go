package amqp

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
)

// tapped reads an exchange that is there already through a temporary queue.
func tapped(v *rabbittest.VHost, queue string) Config {
	c := config(v)
	c.Queue, c.Temporary, c.Bindings = queue, true, []Binding{{Exchange: "amq.topic", RoutingKeys: []string{"app.#"}}}
	return c
}

// queues are the names of all queues of the virtual host.
func queues(t *testing.T, v *rabbittest.VHost) (names []string) {
	t.Helper()
	var all []struct{ Name string }
	if err := servers.TestBroker(t).Admin(t.Context(), "GET", "/api/queues/"+url.PathEscape(v.Name)+"?columns=name", nil, &all); err != nil {
		t.Fatal(err)
	}
	for _, q := range all {
		names = append(names, q.Name)
	}
	return names
}

func send(v *rabbittest.VHost, first, n int) {
	for i := range n {
		v.Send("amq.topic", fmt.Sprintf("app.%d", i), amqp091.Publishing{Body: fmt.Appendf(nil, "%d", first+i)})
	}
}

func bodies(chunks []*engine.Batch) (all []string) {
	for _, b := range chunks {
		for i := range b.Messages {
			all = append(all, string(b.Messages[i].Body))
		}
	}
	return all
}

// Who looks at what goes through an exchange must leave nothing behind: a queue that nobody reads fills the broker's disk.
func TestTemporaryQueue(t *testing.T) {
	for _, name := range []string{"", "tap"} {
		t.Run("name="+name, func(t *testing.T) {
			v := rabbittest.New(t)
			e, log := logged(t)
			in := newInput(t, tapped(v, name), e)
			for round := range 2 {
				open(t, in)
				send(v, 0, 5)
				v.Send("amq.topic", "other", amqp091.Publishing{Body: []byte("other")})
				chunks := readAll(t, in, 5)
				if got, want := bodies(chunks), []string{"0", "1", "2", "3", "4"}; !slices.Equal(got, want) {
					t.Errorf("round %d: got %q", round, got)
				}
				if !rabbittest.Wait(func() bool { return in.Gauges() != nil }) {
					t.Error("the length of the queue is not known")
				}
				ack(t, in, chunks...)
				shut(t, in)
				if !rabbittest.Wait(func() bool { return len(queues(t, v)) == 0 }) {
					t.Errorf("round %d: queues %q are left", round, queues(t, v))
				}
			}
			if n := strings.Count(log.String(), "the queue is temporary"); n != 1 {
				t.Errorf("that it loses what is in it is said %d times:\n%s", n, log)
			}
		})
	}
}

// What came is nowhere else when the connection is gone and the queue with it. So it is written and not taken for what
// comes again; at once, also out of batches that would stay open, because nothing is read meanwhile.
func TestTemporaryQueueGoesWithTheConnection(t *testing.T) {
	v := rabbittest.New(t)
	in := newInput(t, tapped(v, ""), env(t))
	open(t, in)
	send(v, 0, 5)
	chunks := readAll(t, in, 5)
	conn := in.session.conns[0]
	v.CloseConnections(1)
	<-conn.Done()
	held, err := in.Exhausted(t.Context())
	if want := tags(chunks); err != nil || !slices.Equal(held, want) {
		t.Errorf("chunks %v are to be written, want %v; %v", held, want, err)
	}
	select {
	case err := <-in.Lost():
		t.Fatalf("lost with messages that are nowhere else: %v", err)
	case <-time.After(time.Second): // it would come at once
	}
	ack(t, in, chunks[1:]...)
	if err := in.Ack(t.Context(), []uint64{chunks[0].Tag}); err != nil {
		t.Errorf("the last ack: %v", err)
	}
	select {
	case err := <-in.Lost():
		if !strings.Contains(err.Error(), "operator") {
			t.Errorf("lost because of %v", err)
		}
	case <-time.After(rabbittest.Patience):
		t.Fatal("all is settled, and the input is not lost")
	}
	shut(t, in)
	open(t, in)
	send(v, 5, 1)
	chunks = readAll(t, in, 1)
	if got := bodies(chunks); got[0] != "5" {
		t.Errorf("got %q", got)
	}
	ack(t, in, chunks...)
	shut(t, in)
}

// With nothing unsettled there is nothing to wait for.
func TestTemporaryQueueThatHoldsNothing(t *testing.T) {
	v := rabbittest.New(t)
	in := newInput(t, tapped(v, ""), env(t))
	open(t, in)
	v.CloseConnections(1)
	select {
	case <-in.Lost():
	case <-time.After(rabbittest.Patience):
		t.Error("the input is not lost")
	}
	shut(t, in)
}

// A name can be taken, and then it must be said by whom.
func TestTemporaryQueueIsTaken(t *testing.T) {
	v := rabbittest.New(t)
	first := newInput(t, tapped(v, "tap"), env(t))
	open(t, first)
	defer shut(t, first)
	second := newInput(t, tapped(v, "tap"), env(t))
	defer shut(t, second)
	if err := second.Open(t.Context()); err == nil || !strings.Contains(err.Error(), `temporary queue "tap": there is a queue of this name`) {
		t.Errorf("open: %v", err)
	}
	v.Declare("kept", nil)
	c := tapped(v, "kept")
	third := newInput(t, c, env(t))
	defer shut(t, third)
	if err := third.Open(t.Context()); err == nil || !strings.Contains(err.Error(), `temporary queue "kept": there is a queue of this name`) {
		t.Errorf("open: %v", err)
	}
}

// The broker names the queue, and the permission must be for that name.
func TestTemporaryQueueWithoutPermission(t *testing.T) {
	v := rabbittest.New(t)
	c := tapped(v, "")
	c.URL = engine.NewSecret(v.User("tap-"+v.Name, "geheim", "^logs$", ".*", ".*"))
	in := newInput(t, c, env(t))
	defer shut(t, in)
	if err := in.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "amq.gen-") {
		t.Errorf("open: %v", err)
	}
}
