package dlq

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// Somebody who looks at a dead-letter queue must not lose, double or shuffle what is in it.
func TestLookRemovesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		const n = 9000
		w.fill(1, n, "a", "b")
		for range 2 {
			r := w.open()
			groups := Groups{}
			seen, err := r.Look(within(t), n+100, false, func(at int, l *Letter) bool {
				if string(l.Body) != fmt.Sprint(at) {
					t.Errorf("number %s is at position %d", l.Body, at)
				}
				groups.Add(l)
				return true
			})
			if err != nil || seen != n || r.Depth != n {
				t.Fatalf("%d of %d seen (%v)", seen, r.Depth, err)
			}
			if got := show(groups.Sorted()); !slices.Equal(got, []string{"4500 rejected logs/a//", "4500 rejected logs/b//"}) {
				t.Errorf("groups %q", got)
			}
			w.shut(r)
			w.WaitReady("dead", n)
		}
	})
}

// A queue with millions must not be taken from its readers as a whole, only to see what is in it; and whoever looks must learn that there is more.
func TestLookStopsAtMost(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.fill(1, 100, "a")
		r := w.open()
		seen, err := r.Look(within(t), 30, false, func(int, *Letter) bool { return true })
		if err != nil || seen != 30 || r.Depth != 100 {
			t.Errorf("%d of %d seen (%v)", seen, r.Depth, err)
		}
		w.WaitReady("dead", 70) // no more than these were taken
		w.shut(r)
		w.has("dead", numbers(1, 100, 1)...)
	})
}

// What the broker dead-letters says it in other headers than logpipe does.
func TestBrokersOwnDeadLetters(t *testing.T) {
	w := newWorld(t, nil)
	w.Declare("expiring", amqp.Table{"x-message-ttl": int64(1), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
	w.Declare("rejecting", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
	ch := w.Channel()
	if err := ch.ExchangeDeclare("x", "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind("rejecting", "k.#", "x", false, nil); err != nil {
		t.Fatal(err)
	}
	w.Publish("expiring", []byte("1"))
	w.Send("x", "k.1", amqp.Publishing{Body: []byte("2")})
	d, ok, err := ch.Get("rejecting", false)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := d.Nack(false, false); err != nil {
		t.Fatal(err)
	}
	w.Send("", "dead", amqp.Publishing{Body: []byte("3")})
	w.WaitReady("dead", 3)
	groups := Groups{}
	r := w.open()
	began := time.Now().Add(-time.Minute)
	if _, err := r.Look(within(t), 10, false, func(_ int, l *Letter) bool {
		groups.Add(l)
		if l.Queue != "" && (l.Since.Before(began) || l.Since.After(time.Now().Add(time.Minute))) {
			t.Errorf("since %v", l.Since)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := show(groups.Sorted()), []string{"1  ///", "1 expired /expiring//", "1 rejected /rejecting//"}; !slices.Equal(got, want) {
		t.Errorf("groups %q, want %q", got, want)
	}
}

// Since 3.13 the last death has headers of its own. A death in this queue itself says nothing of where to send the message.
func TestLastDeath(t *testing.T) {
	die := func(queue, reason string) amqp.Table {
		return amqp.Table{"queue": queue, "reason": reason, "exchange": "x", "routing-keys": []any{"k"}, "count": int64(1), "time": time.Unix(1, 0)}
	}
	for name, tt := range map[string]struct {
		headers amqp.Table
		want    string
	}{
		"none":                    {amqp.Table{}, "///"},
		"the first of the list":   {amqp.Table{"x-death": []any{die("q2", "expired"), die("q1", "rejected")}}, "expired/q2/x/k"},
		"the queue itself":        {amqp.Table{"x-death": []any{die("dead", "expired"), die("q1", "rejected")}}, "rejected/q1/x/k"},
		"named by its own header": {amqp.Table{"x-last-death-queue": "q1", "x-death": []any{die("q2", "expired"), die("q1", "rejected")}}, "rejected/q1/x/k"},
		"the named one is itself": {amqp.Table{"x-last-death-queue": "dead", "x-death": []any{die("dead", "maxlen"), die("q1", "rejected")}}, "rejected/q1/x/k"},
		"forged":                  {amqp.Table{"x-death": []any{"odd", amqp.Table{"queue": 5, "routing-keys": "x"}}, "x-last-death-queue": 7}, "///"},
	} {
		d := lastDeath("dead", tt.headers)
		if got := strings.Join([]string{d.Reason, d.Queue, d.Exchange, d.RoutingKey}, "/"); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// A quorum queue with a delivery limit deletes what is returned too often: looking again and again would remove messages.
func TestLookStopsBeforeTheDeliveryLimit(t *testing.T) {
	w := newWorld(t, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(20)})
	w.fill(1, 3, "a")
	look := func(anyway bool) error {
		r := w.open()
		_, err := r.Look(within(t), 10, anyway, func(int, *Letter) bool { return true })
		w.shut(r)
		w.WaitReady("dead", 3)
		return err
	}
	for range worn {
		if err := look(false); err != nil {
			t.Fatal(err)
		}
	}
	var stopped *WornError
	if err := look(false); !errors.As(err, &stopped) || stopped.Returned != worn {
		t.Errorf("error %v", err)
	}
	if err := look(true); err != nil {
		t.Error(err)
	}
}

// A producer that makes up a key for each message must not fill the memory of who looks.
func TestGroupsAreBounded(t *testing.T) {
	groups := Groups{}
	for i := range 2 * groupsMost {
		groups.Add(&Letter{Origin: Origin{Exchange: "x", RoutingKey: fmt.Sprint(i)}})
	}
	if sorted := groups.Sorted(); len(sorted) != groupsMost+1 || sorted[0].Reason != Others || sorted[0].Messages != groupsMost {
		t.Errorf("%d groups, the largest is %v", len(sorted), sorted[0])
	}
}

// Where nothing can be read the command must say so and end.
func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if _, err := Open(t.Context(), w.broker(), "nosuch"); err == nil || !strings.Contains(err.Error(), `there is no queue "nosuch"`) {
		t.Errorf("error %v", err)
	}
	w.Declare("stream", amqp.Table{"x-queue-type": "stream"})
	w.Declare("alone", amqp.Table{"x-single-active-consumer": true})
	if err := w.Channel().Qos(1, 0, false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Channel().Consume("alone", "first", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, queue := range []string{"stream", "alone"} {
		w.Publish(queue, []byte("1"), []byte("2"), []byte("3"))
		if !rabbittest.Wait(func() bool { return w.Ready(queue) > 0 }) { // a stream counts late
			t.Fatalf("%s stays empty", queue)
		}
		r, err := Open(t.Context(), w.broker(), queue)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Look(within(t), 10, false, func(int, *Letter) bool { return true }); err == nil || !strings.Contains(err.Error(), "gives no messages although") {
			t.Errorf("%s of depth %d: %v", queue, r.Depth, err)
		}
		w.shut(r)
	}
}

// No error may show the password.
func TestErrorsHideThePassword(t *testing.T) {
	for _, url := range []string{"amqp://u:geheim@127.0.0.1:1", "amqp://u:geheim#x@h", "http://u:geheim@h", "amqp://u:geheim@h:99999"} {
		b, err := At(url, "", "v0")
		if err == nil {
			_, err = Open(within(t), b, "q")
		}
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("error %v", err)
		}
	}
}

// Who looks and then sends back must find all of them: the broker takes its time to give back what somebody looked at, and "redrive" right
// after "list" left what was not there yet.
func TestWhatWasLookedAtIsThereAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		const n, looked = 100, 10
		w.fill(1, n, "a")
		for range 20 {
			r, err := Open(t.Context(), w.broker(), "dead")
			if err != nil {
				t.Fatal(err)
			}
			if r.Depth != n {
				t.Errorf("%d of %d messages are in the queue after it was looked at", r.Depth, n)
			}
			if seen, err := r.Look(t.Context(), looked, true, func(int, *Letter) bool { return true }); seen != looked || err != nil {
				t.Errorf("%d seen, %v", seen, err)
			}
			w.shut(r)
		}
	})
}
