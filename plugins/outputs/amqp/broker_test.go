package amqp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	input "github.com/logpipe/logpipe/plugins/inputs/amqp"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
)

// failsFor wants a temporary error that says this.
func failsFor(t *testing.T, err error, words string) {
	t.Helper()
	t.Log(err)
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("error %v does not say %q", err, words)
	}
	if engine.IsPermanent(err) {
		t.Error("what an operator can repair is called permanent: good messages would become dead letters")
	}
}

// failed are the indexes that a WriteError names.
func failed(t *testing.T, err error) (indexes []int) {
	t.Helper()
	var partial *engine.WriteError
	if !errors.As(err, &partial) {
		t.Fatalf("%v is not a WriteError", err)
	}
	for _, f := range partial.Failed {
		indexes = append(indexes, f.Index)
	}
	return indexes
}

// keyed are messages from a broker with an id and a routing key each, "id key".
func keyed(texts ...string) *engine.Batch {
	b := batch()
	for i, text := range texts {
		id, key, _ := strings.Cut(text, " ")
		d := rabbitmq.NewDelivery(amqp091.Delivery{MessageId: id, RoutingKey: key})
		b.Messages = append(b.Messages, engine.Message{Body: fmt.Appendf(nil, "%d", i), Time: b.Time, Meta: &d})
	}
	return b
}

// What an exchange or a binding needs beside its name cannot be set by whoever may not log in to the broker: without it a headers exchange gives the queue
// everything, and what no queue takes is lost instead of kept aside.
func TestArgumentsOfExchangeAndBinding(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("rest", nil)
	if err := v.Channel().QueueBind("rest", "", "amq.fanout", false, nil); err != nil {
		t.Fatal(err)
	}
	cfg := config(v)
	cfg.Queue, cfg.Exchange, cfg.ExchangeType = "red", "colors", "headers"
	cfg.ExchangeArguments = map[string]any{"alternate-exchange": "amq.fanout"}
	cfg.BindingArguments = map[string]any{"x-match": "all", "color": "red"}
	b := batch()
	for _, color := range []string{"red", "blue"} {
		d := rabbitmq.NewDelivery(amqp091.Delivery{Headers: amqp091.Table{"color": color}})
		b.Messages = append(b.Messages, engine.Message{Body: []byte(color), Time: b.Time, Meta: &d})
	}
	if err := write(t, newOutput(t, cfg, env(t, engine.RoleOutput)), b); err != nil {
		t.Fatal(err)
	}
	for queue, want := range map[string]string{"red": "red", "rest": "blue"} {
		v.WaitReady(queue, 1)
		if got := bodies(v, queue); !slices.Equal(got, []string{want}) {
			t.Errorf("queue %s got %q, want %q", queue, got, want)
		}
	}
}

// Message ids are the producers', and a headers exchange routes by none of what a message is known by.
// If one that no queue gets takes others with it, these are published again and again: 3 messages were 39
// copies after a minute. If it is taken for another one, it is lost.
func TestReturnsOfMessagesWithOneID(t *testing.T) {
	for name, role := range map[string]engine.Role{"output": engine.RoleOutput, "dead letter": engine.RoleDeadLetter} {
		t.Run(name, func(t *testing.T) {
			v := rabbittest.New(t)
			v.Declare("red", nil)
			if err := v.Channel().QueueBind("red", "", "amq.headers", false, amqp091.Table{"x-match": "all", "color": "red"}); err != nil {
				t.Fatal(err)
			}
			cfg := config(v)
			cfg.Queue, cfg.Exchange = "", "amq.headers"
			o := newOutput(t, cfg, env(t, role))
			at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
			b := batch()
			for i, headers := range []amqp091.Table{
				{"color": "red"}, {"color": "blue", "at": at, "n": int32(1), "list": []any{int8(1), nil, amqp091.Table{"f": float32(1.5)}}}, {"color": "red", "at": at}, {"color": "blue", "n": int64(1)},
				{"color": "blue", "n": int64(1)}, {"color": "red"}, nil,
			} {
				d := rabbitmq.NewDelivery(amqp091.Delivery{MessageId: "one", Headers: headers})
				b.Messages = append(b.Messages, engine.Message{Body: []byte{byte('0' + i)}, Time: b.Time, Meta: &d})
				b.Reasons = append(b.Reasons, errors.New("bad"))
			}
			b.Messages[4].Body = b.Messages[3].Body // the same message twice
			if role != engine.RoleDeadLetter {
				b.Reasons = nil
			}
			err := write(t, o, b)
			got := failed(t, err)
			slices.Sort(got)
			if want := []int{1, 3, 4, 6}; !slices.Equal(got, want) {
				t.Errorf("not stored are %v, want %v (%v)", got, want, err)
			}
			if got := bodies(v, "red"); !slices.Equal(got, []string{"0", "2", "5"}) {
				t.Errorf("stored are %q", got)
			}
		})
	}
}

// What came back other than it went is not known: all of its name go again, for none may be lost.
func TestReturnThatIsNotKnown(t *testing.T) {
	b := keyed("one k", "one k", "two k")
	p := publish{out: &output{env: engine.Env{Role: engine.RoleOutput}}, link: &link{conn: &rabbitmq.Connection{Connection: &amqp091.Connection{}}}, batch: b, key: "k",
		sent: []sent{{name: name{"one", "k"}}, {name: name{"one", "k"}}, {name: name{"two", "k"}}}}
	var back returned
	back.note(&amqp091.Return{MessageId: "one", RoutingKey: "k", Body: []byte("another one")})
	if got := p.unroutable(&back); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("not stored are %v", got)
	}
}

// The broker confirms a message that no queue gets. It is lost if it is taken for stored.
func TestUnroutable(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("a", nil)
	cfg := config(v)
	cfg.Exchange, cfg.Queue, cfg.KeepRoutingKey = "amq.direct", "", true
	if err := v.Channel().QueueBind("a", "a", "amq.direct", false, nil); err != nil {
		t.Fatal(err)
	}
	o := newOutput(t, cfg, env(t, engine.RoleOutput))
	failsFor(t, write(t, o, keyed("1 x", "2 y")), `no queue gets messages from exchange "amq.direct" with key "x" (NO_ROUTE)`)

	// Ids are the producer's: the same one twice must not make one message answer for another.
	err := write(t, o, keyed("1 a", "1 x", "2 a", "2 x", " a", " x", "1 a"))
	if got := failed(t, err); !slices.Equal(got, []int{1, 3, 5}) {
		t.Errorf("failed are %v", got)
	}
	if got := bodies(v, "a"); !slices.Equal(got, []string{"0", "2", "4", "6"}) {
		t.Errorf("stored are %q", got)
	}
	cfg.Mandatory = false
	o = newOutput(t, cfg, env(t, engine.RoleOutput))
	if err := write(t, o, keyed("1 x")); err != nil {
		t.Errorf("the configuration says that it does not matter, and write says %v", err)
	}
}

// What was declared can be deleted while the output runs. It is declared again, and nothing is lost in between.
func TestQueueOrExchangeDeleted(t *testing.T) {
	v := rabbittest.New(t)
	o := newOutput(t, config(v), env(t, engine.RoleOutput))
	if err := write(t, o, batch("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Channel().QueueDelete("stored", false, false, false); err != nil {
		t.Fatal(err)
	}
	failsFor(t, write(t, o, batch("2")), "no queue gets messages")
	if err := write(t, o, batch("2")); err != nil {
		t.Fatal(err)
	}
	if err := v.Channel().ExchangeDelete("logs", false, false); err != nil {
		t.Fatal(err)
	}
	failsFor(t, write(t, o, batch("3")), `there is no exchange "logs" in virtual host`)
	if err := write(t, o, batch("3")); err != nil {
		t.Fatal(err)
	}
	if got := bodies(v, "stored"); !slices.Equal(got, []string{"2", "3"}) {
		t.Errorf("stored are %q", got)
	}
}

func TestMissingExchange(t *testing.T) {
	v := rabbittest.New(t)
	cfg := config(v)
	cfg.Queue = ""
	o := newOutput(t, cfg, env(t, engine.RoleOutput))
	failsFor(t, write(t, o, batch("x")), `look for exchange "logs": there is no exchange "logs"`)
	failsFor(t, o.(engine.Checker).Check(t.Context()), `there is no exchange "logs"`)
	if err := v.Channel().ExchangeDeclare("logs", "fanout", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := o.(engine.Checker).Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
}

// A full dead-letter queue holds the messages up; it must not lose one.
func TestFullQueue(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("stored", amqp091.Table{"x-max-length": 3, "x-overflow": "reject-publish"})
	o := newOutput(t, config(v), env(t, engine.RoleOutput))
	var all []string
	for i := range 50 {
		all = append(all, fmt.Sprint(i))
	}
	err := write(t, o, batch(all...))
	failsFor(t, err, "did not take the message")
	indexes := failed(t, err)
	stored := bodies(v, "stored")
	if len(stored) == 0 || len(stored)+len(indexes) != len(all) {
		t.Errorf("%d stored, %d failed, of %d", len(stored), len(indexes), len(all))
	}
	for _, i := range indexes {
		if slices.Contains(stored, all[i]) {
			t.Errorf("message %d failed and is stored", i)
		}
	}
	if err := write(t, o, batch("again")); err != nil {
		t.Errorf("the queue has room again, and write says %v", err)
	}
}

// An operator takes the limit of a full dead-letter queue away. What waits for it must get through then: on the channel that was refused it
// would wait until a restart.
func TestFullQueueIsFullNoMore(t *testing.T) {
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			v := rabbittest.New(t)
			cfg := config(v)
			cfg.QueueType = kind
			limit := map[string]any{"pattern": ".*", "definition": map[string]any{"max-length": 1, "overflow": "reject-publish"}}
			policy := func(method string, body any) {
				path := "/api/policies/" + url.PathEscape(v.Name) + "/full"
				if err := servers.TestBroker(t).Admin(t.Context(), method, path, body, nil); err != nil {
					t.Fatal(err)
				}
			}
			policy("PUT", limit)
			o := newOutput(t, cfg, env(t, engine.RoleOutput))
			if !rabbittest.Wait(func() bool { return write(t, o, batch("x")) != nil }) {
				t.Fatal("the queue is never full")
			}
			policy("DELETE", nil)
			if !rabbittest.Wait(func() bool { return write(t, o, batch("y")) == nil }) {
				t.Error("the queue has room and does not get the message")
			}
		})
	}
}

func TestReconnects(t *testing.T) {
	v := rabbittest.New(t)
	o := newOutput(t, config(v), env(t, engine.RoleOutput))
	if err := write(t, o, batch("1")); err != nil {
		t.Fatal(err)
	}
	conn := o.(*output).link.conn
	v.CloseConnections(1)
	<-conn.Done()
	if err := write(t, o, batch("2")); err != nil {
		t.Fatal(err)
	}
	if got := bodies(v, "stored"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("stored are %q", got)
	}
}

// A connection that dies under many writers: what is not confirmed must be called failed by each of them.
func TestConnectionDiesInTheMiddle(t *testing.T) {
	v := rabbittest.New(t)
	gate := rabbittest.NewGate(t, v.Address())
	o := newOutput(t, through(gate, config(v)), env(t, engine.RoleOutput))
	var mu sync.Mutex
	var wg sync.WaitGroup
	saved := map[string]bool{}
	for worker := range 4 {
		wg.Go(func() {
			for round := range 40 {
				var texts []string
				for i := range 25 {
					texts = append(texts, fmt.Sprintf("%d/%d/%d", worker, round, i))
				}
				left := batch(texts...)
				for len(left.Messages) > 0 {
					err := write(t, o, left)
					var partial *engine.WriteError
					keep := map[int]bool{}
					if errors.As(err, &partial) {
						for _, f := range partial.Failed {
							keep[f.Index] = true
						}
					}
					var next []engine.Message
					mu.Lock()
					for i, m := range left.Messages {
						if err != nil && (partial == nil || keep[i]) {
							next = append(next, m)
						} else {
							saved[string(m.Body)] = true
						}
					}
					mu.Unlock()
					left.Messages = next
				}
			}
		})
	}
	for cut := range 5 {
		if !rabbittest.Wait(func() bool { mu.Lock(); defer mu.Unlock(); return len(saved) > 500*cut }) {
			t.Error("the writers get nowhere")
		}
		gate.Shut()
		gate.Open()
	}
	wg.Wait()
	stored := map[string]bool{}
	for _, body := range bodies(v, "stored") {
		stored[body] = true
	}
	for body := range saved {
		if !stored[body] {
			t.Errorf("message %s was called stored, and is not", body)
		}
	}
	if len(stored) != 4000 {
		t.Errorf("%d of 4000 messages are stored", len(stored))
	}
}

// A message that was stored before its confirm was lost is published again. By its id a reader can tell the two from two records with the same text: an
// id of its own for each attempt would double it, one for both texts would lose one of them.
func TestIDIsTheSameInEachAttempt(t *testing.T) {
	v := rabbittest.New(t)
	gate := rabbittest.NewGate(t, v.Address())
	cfg := through(gate, config(v))
	cfg.Timeout = 300 * time.Millisecond
	o := newOutput(t, cfg, env(t, engine.RoleOutput))
	if err := write(t, o, batch("first")); err != nil {
		t.Fatal(err)
	}
	v.Take("stored")
	gate.Hold()
	b := batch("a", "same", "same")
	failsFor(t, write(t, o, b), "the broker has confirmed nothing")
	gate.Release()
	v.WaitReady("stored", 3)
	b.ID, b.Messages = engine.NewID(), b.Messages[1:] // as the engine leaves it when a part is known to be stored
	if err := write(t, o, b); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, d := range v.Take("stored") {
		count[string(d.Body)+" "+d.MessageId]++
	}
	got := slices.Sorted(maps.Values(count))
	if !slices.Equal(got, []int{1, 2, 2}) {
		t.Errorf("texts and ids: %v", count)
	}
	if n := len(o.(*output).ids.failed); n != 1 { // that of a, which went another way
		t.Errorf("%d ids are kept", n)
	}
	runtime.KeepAlive(b)
}

// What failed and went another way must not fill the memory.
func TestIDsAreForgotten(t *testing.T) {
	s := newIDs()
	for range 3 * maxFailed {
		s.keep(&engine.Message{Body: make([]byte, 32)}, "x")
	}
	if n := len(s.failed); n > maxFailed {
		t.Errorf("%d ids are kept", n)
	}
	m := engine.Message{Body: []byte("twice")}
	s.keep(&m, "y")
	if one, two := s.take(&m), s.take(&m); one != "y" || two == "y" {
		t.Errorf("ids %q and %q", one, two)
	}
}

// The library waits without end for a broker that is silent: the context and the timeout must free the worker.
func TestSilentBroker(t *testing.T) {
	v := rabbittest.New(t)
	gate := rabbittest.NewGate(t, v.Address())
	cfg := through(gate, config(v))
	cfg.Timeout = 300 * time.Millisecond
	o := newOutput(t, cfg, env(t, engine.RoleOutput))
	if err := write(t, o, batch("1")); err != nil {
		t.Fatal(err)
	}
	gate.Hold()
	failsFor(t, write(t, o, batch("2")), "the broker has confirmed nothing for 300ms")
	gate.Release()
	if err := write(t, o, batch("3")); err != nil {
		t.Fatal(err)
	}
	gate.Hold()
	o.(*output).link.timeout = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := o.Write(ctx, batch("4")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write ended with %v", err)
	}
	gate.Release()
	if err := write(t, o, batch("5")); err != nil {
		t.Fatal(err)
	}
}

// A write whose context has ended must not cut the connection that the others use.
func TestEndedContextDisturbsNobody(t *testing.T) {
	v := rabbittest.New(t)
	o := newOutput(t, config(v), env(t, engine.RoleOutput))
	if err := write(t, o, batch("1")); err != nil {
		t.Fatal(err)
	}
	conn := o.(*output).link.conn
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // what is ready in a select is taken at random
		if err := o.Write(ctx, batch("2")); !errors.Is(err, context.Canceled) {
			t.Errorf("write ended with %v", err)
		}
	}
	if err := write(t, o, batch("3")); err != nil || conn.IsClosed() {
		t.Errorf("the connection is closed: %v, %v", conn.IsClosed(), err)
	}
}

// An alarm, a limit of size and one of channels are the broker's own matter, so this broker is the test's own.
func TestOwnBroker(t *testing.T) {
	broker := servers.OwnBroker(t)
	cfg := Defaults()
	cfg.URL, cfg.Queue = engine.NewSecret(broker.URL()), "stored"
	t.Run("alarm", func(t *testing.T) { alarm(t, broker, cfg) })
	t.Run("size", func(t *testing.T) { size(t, broker, cfg) })
	t.Run("channel_max", func(t *testing.T) { channelMax(t, broker, cfg) })
}

func ctl(t *testing.T, broker *servers.Broker, args ...string) {
	t.Helper()
	if _, err := broker.Ctl(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
}

// A broker without memory reads nothing more from publishers. Said once, and waited for no longer than the context.
func alarm(t *testing.T, broker *servers.Broker, cfg Config) {
	log := &logText{}
	e := env(t, engine.RoleOutput)
	e.Log = newLog(log)
	o := newOutput(t, cfg, e)
	if err := write(t, o, batch("1")); err != nil {
		t.Fatal(err)
	}
	ctl(t, broker, "set_vm_memory_high_watermark", "absolute", "1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	big := batch()
	for range 100 { // more than the sockets' buffers take: the library is stuck in writing
		big.Messages = append(big.Messages, engine.Message{Body: make([]byte, 1<<20)})
	}
	if err := o.Write(ctx, big); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write ended with %v", err)
	}
	second := make(chan error)
	go func() { second <- o.Write(t.Context(), batch("2")) }() // on a new connection; the test ends the wait, by what it does below
	if !rabbittest.Wait(func() bool { return strings.Count(log.String(), "takes no more messages for now") == 2 }) {
		t.Errorf("the second connection is not blocked: %s", log)
	}
	ctl(t, broker, "set_vm_memory_high_watermark", "0.8")
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	if !rabbittest.Wait(func() bool { return strings.Contains(log.String(), "takes messages again") }) {
		t.Errorf("the log does not say that the broker is well again: %s", log)
	}
	if n := strings.Count(log.String(), "takes no more messages for now"); n != 2 {
		t.Errorf("the log says %d times that a connection is blocked: %s", n, log)
	}
}

// A message that the broker will never take must not hold up the others, and they must not share its fate.
func size(t *testing.T, broker *servers.Broker, cfg Config) {
	limit := func(ctx context.Context, bytes int) error { // a broker of 4.x looks at its environment at its start alone
		_, err := broker.Ctl(ctx, "eval", fmt.Sprintf("application:set_env(rabbit, max_message_size, %[1]d), persistent_term:put(max_message_size, %[1]d).", bytes))
		return err
	}
	if err := limit(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := limit(context.Background(), 134217728); err != nil {
			t.Error(err)
		}
	})
	o := newOutput(t, cfg, env(t, engine.RoleOutput))
	b := batch("1", strings.Repeat("x", 1001), "3", strings.Repeat("y", 2000), "5")
	for range 2 { // the first time the broker says so, the second time it is known
		err := write(t, o, b)
		var partial *engine.WriteError
		if !errors.As(err, &partial) {
			t.Fatalf("%v is not a WriteError", err)
		}
		t.Log(err)
		var next []engine.Message
		for _, f := range partial.Failed {
			if permanent := len(b.Messages[f.Index].Body) > 1000; engine.IsPermanent(f.Err) != permanent {
				t.Errorf("message %d: permanent is not %v: %v", f.Index, permanent, f.Err)
			}
			next = append(next, b.Messages[f.Index])
		}
		b.Messages = next
	}
	if len(b.Messages) != 2 {
		t.Errorf("%d messages are left", len(b.Messages))
	}

	// Messages that were returned, and confirmed, and then the channel is closed for another one: none is stored.
	cfg.Exchange, cfg.Queue, cfg.KeepRoutingKey = "amq.direct", "", true
	for round := range 10 {
		o := newOutput(t, cfg, env(t, engine.RoleOutput)) // does not know the limit yet
		b := batch()
		for i := range 200 {
			b.Messages = append(b.Messages, keyed(fmt.Sprintf("%d nowhere", i)).Messages...)
		}
		b.Messages = append(b.Messages, engine.Message{Body: make([]byte, 5000), Time: b.Time})
		if n := len(failed(t, write(t, o, b))); n != len(b.Messages) {
			t.Fatalf("round %d: %d of %d messages failed; the others have reached no queue", round, n, len(b.Messages))
		}
	}
}

func TestTLS(t *testing.T) {
	v := rabbittest.New(t)
	authority := rabbittest.NewAuthority(t)
	pair, _, _ := authority.Issue("127.0.0.1", false)
	proxy := rabbittest.TLSProxy(t, v.Address(), &tls.Config{Certificates: []tls.Certificate{pair}})
	cfg := config(v)
	u, _ := url.Parse(v.URL)
	u.Scheme, u.Host = "amqps", proxy
	cfg.URL, cfg.TLS = engine.NewSecret(u.String()), &rabbitmq.TLS{CA: authority.File}
	o := newOutput(t, cfg, env(t, engine.RoleOutput))
	if err := write(t, o, batch("x")); err != nil {
		t.Error(err)
	}
}

func TestRoutingKey(t *testing.T) {
	v := rabbittest.New(t)
	for _, q := range []string{"a", "b"} {
		v.Declare(q, nil)
	}
	cfg := Defaults()
	cfg.URL = engine.NewSecret(v.URL)
	cfg.RoutingKey = engine.NewTemplate("${batch.partition.source}", []string{"batch.partition.source"}, func(b *engine.Batch) (string, error) {
		if b.Partition == "bad" {
			return "", errors.New("no such partition")
		}
		return b.Partition, nil
	})
	o := newOutput(t, cfg, env(t, engine.RoleOutput))
	for _, q := range []string{"a", "b", "a"} {
		b := batch(q)
		b.Partition = q
		if err := write(t, o, b); err != nil {
			t.Error(err)
		}
	}
	if a, b := len(v.Take("a")), len(v.Take("b")); a != 2 || b != 1 {
		t.Errorf("%d and %d messages", a, b)
	}
	b := batch("x")
	b.Partition = "bad"
	failsFor(t, write(t, o, b), "routing key: no such partition")
	b.Partition = strings.Repeat("k", 256)
	if err := write(t, o, b); !engine.IsPermanent(err) && !engine.IsPermanent(errors.Unwrap(err)) {
		t.Errorf("a key that AMQP cannot carry: %v", err)
	}
}

// The input and the dead letter both declare the dead-letter queue, whichever starts first: they must mean the same one.
func TestInputDeclaresTheSame(t *testing.T) {
	for name, inputFirst := range map[string]bool{"input first": true, "dead letter first": false} {
		t.Run(name, func(t *testing.T) {
			v := rabbittest.New(t)
			log := &logText{}
			e := env(t, engine.RoleDeadLetter)
			e.Log = newLog(log)
			cfg := config(v)
			cfg.Exchange, cfg.Queue = "dlx", "log_dlq"
			o := newOutput(t, cfg, e)
			incfg := input.Defaults()
			incfg.URL, incfg.Queue, incfg.DeadLetterExchange, incfg.DeadLetterRoutingKey = cfg.URL, "log_queue", "dlx", "log_dlq"
			e.Role = engine.RoleInput
			in, err := input.New(incfg, e)
			if err != nil {
				t.Fatal(err)
			}
			producer := config(v) // as in a pipeline that feeds this one
			producer.Exchange, producer.Queue, producer.DeadLetterExchange, producer.DeadLetterRoutingKey = "", "log_queue", "dlx", "log_dlq"
			e.Role = engine.RoleOutput
			p := newOutput(t, producer, e)
			start := []func() error{
				func() error { return in.Open(t.Context()) },
				func() error { return write(t, p, batch("y")) },
				func() error { return write(t, o, batch("x")) },
			}
			if !inputFirst {
				slices.Reverse(start)
			}
			for _, f := range start {
				if err := f(); err != nil {
					t.Error(err)
				}
			}
			if err := in.Close(t.Context()); err != nil {
				t.Error(err)
			}
			v.WaitReady("log_dlq", 1)
			if strings.Contains(log.String(), "WARN") {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// Messages in memory only are lost with the broker: persistent must be the default, and must arrive.
func TestPersistentAndIDs(t *testing.T) {
	v := rabbittest.New(t)
	cfg := config(v)
	if err := write(t, newOutput(t, cfg, env(t, engine.RoleOutput)), keyed(" ", " ", "mine ")); err != nil {
		t.Fatal(err)
	}
	cfg.Persistent = false
	if err := write(t, newOutput(t, cfg, env(t, engine.RoleOutput)), batch("x")); err != nil {
		t.Fatal(err)
	}
	got := v.Take("stored")
	ids := map[string]bool{}
	for i, d := range got {
		ids[d.MessageId] = true
		if want := i < 3; (d.DeliveryMode == amqp091.Persistent) != want {
			t.Errorf("message %d has delivery mode %d", i, d.DeliveryMode)
		}
	}
	if len(ids) != 4 || !ids["mine"] || ids[""] {
		t.Errorf("the ids are %v", ids)
	}
}

// Each worker has a channel. They must be used again, or a broker's limit is reached after some hours.
func TestChannelsAreUsedAgain(t *testing.T) {
	v := rabbittest.New(t)
	o := newOutput(t, config(v), env(t, engine.RoleOutput))
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			for range 20 {
				if err := write(t, o, batch("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := o.(*output).link.open(); n > 5 {
		t.Errorf("5 workers have opened %d channels", n)
	}
}

func TestPasswordIsNeverShown(t *testing.T) {
	v := rabbittest.New(t)
	log := &logText{}
	e := env(t, engine.RoleOutput)
	e.Log = newLog(log)
	v.Declare("stored", nil)
	u, _ := url.Parse(v.URL)
	for _, host := range []string{u.Host, "127.0.0.1:1"} {
		for _, vhost := range []string{u.Path, "/nowhere"} {
			u.Host, u.Path, u.RawPath = host, vhost, ""
			cfg := config(v)
			cfg.URL = engine.NewSecret(u.String())
			o := newOutput(t, cfg, e)
			for _, err := range []error{write(t, o, batch("x")), o.(engine.Checker).Check(t.Context())} {
				if err != nil && strings.Contains(err.Error(), v.Password()) {
					t.Errorf("the error shows it: %v", err)
				}
			}
		}
	}
	if !strings.Contains(log.String(), "is used as it is") || strings.Contains(log.String(), v.Password()) {
		t.Errorf("the log: %s", log)
	}
}

func TestWriteAfterClose(t *testing.T) {
	v := rabbittest.New(t)
	o, err := New(config(v), env(t, engine.RoleOutput))
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t, o, batch("x")); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
	failsFor(t, write(t, o, batch("x")), "closed")
}
