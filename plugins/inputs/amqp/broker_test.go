package amqp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
)

func numbered(n int) (bodies [][]byte) {
	for i := range n {
		bodies = append(bodies, fmt.Appendf(nil, "message %d", i))
	}
	return bodies
}

// start makes an input that is open and closed at the end of the test.
func start(t *testing.T, c Config, e engine.Env) *input {
	t.Helper()
	in := newInput(t, c, e)
	open(t, in)
	t.Cleanup(func() { shut(t, in) })
	return in
}

func TestMessage(t *testing.T) {
	v := rabbittest.New(t)
	in := start(t, config(v), env(t))
	big := make([]byte, 5<<20) // many frames
	rand.NewChaCha8([32]byte{}).Read(big)
	at := time.Unix(1700000000, 0)
	sent := amqp091.Publishing{
		Body: []byte("x"), MessageId: "m1", Headers: amqp091.Table{"n": int32(7)}, ContentType: "text/plain", Timestamp: at, AppId: "app", Priority: 4,
	}
	v.Send("", "logs", sent, amqp091.Publishing{}, amqp091.Publishing{Body: big})
	var got []engine.Message
	for _, b := range readAll(t, in, 3) {
		got = append(got, b.Messages...)
	}
	for i, body := range [][]byte{sent.Body, {}, big} {
		if !bytes.Equal(got[i].Body, body) {
			t.Errorf("body %d is not what was sent", i)
		}
		if cap(got[i].Body) != len(got[i].Body) {
			t.Errorf("append to body %d could write into other memory", i)
		}
		if age := time.Since(got[i].Time); age < 0 || age > time.Minute {
			t.Errorf("message %d arrived %v ago", i, age)
		}
	}
	meta := got[0].Meta
	if meta.ID() != "m1" || meta.RoutingKey() != "logs" || !cmp.Equal(meta.Headers(), map[string]any{"n": int64(7)}) {
		t.Errorf("meta %q %q %v", meta.ID(), meta.RoutingKey(), meta.Headers())
	}
	original := meta.(*rabbitmq.Delivery).Publishing()
	sent.Body = nil
	if d := cmp.Diff(sent, original); d != "" {
		t.Errorf("the original properties: %s", d)
	}
}

// Delivery tags begin at 1 again on a new connection: an ack of the old one must not reach it, or five messages that nobody has stored are gone.
func TestLateAck(t *testing.T) {
	v := rabbittest.New(t)
	in := newInput(t, config(v), env(t))
	open(t, in)
	v.Publish("logs", numbered(5)...)
	chunks := readAll(t, in, 5)
	old := in.session
	v.CloseConnections(1)
	err := in.Read(t.Context(), &engine.Batch{})
	if err == nil || !strings.Contains(err.Error(), "operator") {
		t.Errorf("read after the connection was closed: %v", err)
	}
	if err := in.Ack(t.Context(), tags(chunks)); err == nil {
		t.Error("an ack on a dead connection seems to have worked")
	}
	shut(t, in)
	open(t, in)
	readAll(t, in, 5)
	if err := old.ack(t.Context(), tags(chunks)); err == nil {
		t.Error("an ack of the old connection seems to have worked on the new one")
	}
	shut(t, in)
	v.WaitReady("logs", 5)
	open(t, in)
	ack(t, in, readAll(t, in, 5)...)
	shut(t, in)
	v.WaitReady("logs", 0)
}

// A chunk that cannot be settled must not stop the others: when the prefetch is used up they are acked one by one.
func TestStandingPrefixDoesNotStopTheIntake(t *testing.T) {
	v := rabbittest.New(t)
	cfg := config(v)
	cfg.Prefetch = 10
	in := newInput(t, cfg, env(t))
	open(t, in)
	var chunks []*engine.Batch
	for _, body := range numbered(10) {
		v.Publish("logs", body)
		chunks = append(chunks, readAll(t, in, 1)...)
	}
	slices.Reverse(chunks)
	ack(t, in, chunks[:5]...)
	v.Publish("logs", numbered(5)...)
	readAll(t, in, 5) // they come only if the five acks have reached the broker
	shut(t, in)
	v.WaitReady("logs", 10)
}

// A deleted queue must come back at once, because publishers need it, and be read: what is held of the old one may wait for hours. That is nowhere else.
func TestQueueDeleted(t *testing.T) {
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			v := rabbittest.New(t)
			cfg := config(v)
			cfg.QueueType, cfg.Connections = kind, 2
			in := start(t, cfg, env(t))
			v.Publish("logs", numbered(1000)...)
			chunks := []*engine.Batch{read(t, in)}
			v.WaitReady("logs", 0) // the rest is delivered and not read
			first := in.session.all()[0]
			if _, err := v.Channel().QueueDelete("logs", false, false, false); err != nil {
				t.Fatal(err)
			}
			if !rabbittest.Wait(func() bool { return v.Ready("logs") == 0 }) {
				t.Fatal("the queue does not come back")
			}
			<-first.ch.Done() // an ack on it could take messages of the new queue
			v.Publish("logs", numbered(5)...)
			chunks = append(chunks, readAll(t, in, 1005-len(chunks[0].Messages))...)
			ack(t, in, chunks...)
			if !rabbittest.Wait(func() bool { return len(in.session.all()) == 2 }) {
				t.Error("consumers of which all is settled are kept")
			}
			v.WaitReady("logs", 0)
			shut(t, in)
			v.WaitReady("logs", 0) // all five are acked, and an ack of the old ones that reached the new queue would have ended the channel
			open(t, in)
			v.Publish("logs", numbered(5)...)
			ack(t, in, readAll(t, in, 5)...)
		})
	}
}

// A classic queue with a single active consumer crashes, in brokers before 3.11, when a second consumer begins before the first is cancelled: it stood still after some hundred
// messages, and refused publishes. And where another reader waits, each subscription anew would hand the queue over to it.
func TestSingleActiveConsumer(t *testing.T) {
	for _, declare := range []string{"auto", "never"} {
		for _, kind := range []string{"classic", "quorum"} {
			t.Run(kind+" "+declare, func(t *testing.T) {
				v := rabbittest.New(t)
				v.Declare("logs", amqp091.Table{"x-queue-type": kind, "x-single-active-consumer": true})
				cfg := config(v)
				cfg.Declare = declare
				e := env(t)
				e.Window.Bytes = 1 << 20
				first := start(t, cfg, e)
				second := start(t, cfg, e)
				live := make(chan struct{})
				go func() {
					defer close(live)
					for range 20 {
						v.Publish("logs", numbered(100)...)
					}
				}()
				for n := 0; n < 2000; {
					b := read(t, first)
					n += len(b.Messages)
					ack(t, first, b)
				}
				<-live
				if c := first.session.all()[0]; c.number != 1 {
					t.Errorf("%d subscriptions", c.number)
				}
				if n := second.session.all()[0].credit.Waiting(); n > 0 {
					t.Errorf("the second reader has %d messages", n)
				}
			})
		}
	}
}

// Messages that are suddenly much larger than those before, and an output that is down: what is here stays within the limit and a quarter, and when nothing of it moves, the connection is given up
// with a reason, before the broker does it without one. The next Open knows how large they are.
func TestTooLargeForTooLong(t *testing.T) {
	const limit, large = 1 << 20, 256 << 10
	v := rabbittest.New(t)
	cfg := config(v)
	cfg.Prefetch = 300
	e := env(t)
	e.Window.Bytes = limit
	in := newInput(t, cfg, e)
	in.sizes[0] = 100 // as the last session knew them
	v.Declare("logs", amqp091.Table{"x-queue-type": "quorum"})
	var bodies [][]byte
	for range 100 {
		bodies = append(bodies, make([]byte, large))
	}
	v.Publish("logs", bodies...)
	open(t, in)
	c := in.session.all()[0].credit
	select {
	case err := <-in.Lost():
		if !strings.Contains(err.Error(), "max_in_flight_bytes") {
			t.Errorf("lost because of %v", err)
		}
	case <-time.After(2 * rabbittest.Patience):
		t.Error("a broker that cannot send is waited for")
	}
	if held := c.Holding(); held < limit || held > limit+limit/credit.Slack+large+1000 {
		t.Errorf("%d bytes are held", held)
	}
	shut(t, in)
	v.WaitReady("logs", 100)
	open(t, in)
	for n := 0; n < 100; {
		b := read(t, in)
		n += len(b.Messages)
		ack(t, in, b)
	}
	shut(t, in)
}

// What came from a queue that was deleted is nowhere else, and so the connection may die as it likes before it is stored: all of it must be acked by
// the engine's side before the session ends.
func TestConnectionDiesAfterTheQueueWasDeleted(t *testing.T) {
	v := rabbittest.New(t)
	in := newInput(t, config(v), env(t))
	open(t, in)
	v.Publish("logs", numbered(10)...)
	chunks := readAll(t, in, 10)
	if _, err := v.Channel().QueueDelete("logs", false, false, false); err != nil {
		t.Fatal(err)
	}
	if !rabbittest.Wait(func() bool { return v.Ready("logs") == 0 }) {
		t.Fatal("the queue does not come back")
	}
	v.Publish("logs", numbered(3)...)
	chunks = append(chunks, readAll(t, in, 3)...)
	present := in.session.all()[1]
	v.CloseConnections(1)
	if !rabbittest.Wait(func() bool { return present.phase() == lost }) {
		t.Fatal("the end of the connection is not noticed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.Read(ctx, &engine.Batch{}); !errors.Is(err, context.Canceled) {
		t.Errorf("while messages of the deleted queue are held, read ends with %v", err)
	}
	ack(t, in, chunks[len(chunks)-1]) // one of the new queue: its connection is dead, and it comes again
	select {
	case err := <-in.Lost():
		t.Fatalf("the engine is told %v: it would discard what is nowhere else", err)
	default:
	}
	ack(t, in, chunks[:len(chunks)-1]...)
	if err := <-in.Lost(); !strings.Contains(err.Error(), "operator") {
		t.Errorf("lost because of %v", err)
	}
	shut(t, in)
	v.WaitReady("logs", 3)
}

// Several read one queue. The one that is the first to see it gone declares it again, so for the others it seems to be there; what they hold is
// nowhere else all the same.
func TestQueueDeletedAndDeclaredByAnother(t *testing.T) {
	v := rabbittest.New(t)
	cfg := config(v)
	cfg.QueueType = "classic" // 3.10 sends no cancel for a quorum queue that is declared again within some milliseconds (measured)
	in := newInput(t, cfg, env(t))
	open(t, in)
	v.Publish("logs", numbered(10)...)
	chunks := readAll(t, in, 10)
	if _, err := v.Channel().QueueDelete("logs", false, false, false); err != nil {
		t.Fatal(err)
	}
	v.Declare("logs", amqp091.Table{"x-queue-type": "classic"})
	v.Publish("logs", numbered(10)...)
	readAll(t, in, 10)
	ack(t, in, chunks...)
	shut(t, in)
	v.WaitReady("logs", 10) // an ack of the old ones that reached the new queue would have taken them
}

// The broker deletes an auto-delete queue, backlog included, when it has no consumer. Where it cannot be seen that it is one, its
// only consumer must stay, whatever the sizes of messages are.
func TestAutoDeleteQueueThatCannotBeSeen(t *testing.T) {
	v := rabbittest.New(t)
	if _, err := v.Channel().QueueDeclare("logs", true, true, false, false, nil); err != nil {
		t.Fatal(err)
	}
	cfg := config(v)
	cfg.Declare, cfg.Prefetch = "never", 300
	e := env(t)
	e.Window.Bytes = 1 << 20
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprintf("%d %s", i, strings.Repeat("x", []int{1, 20000}[i/500%2])))
	}
	var bodies [][]byte
	for _, w := range want {
		bodies = append(bodies, []byte(w))
	}
	v.Publish("logs", bodies...)
	in := start(t, cfg, e)
	var held []*engine.Batch
	for i := 0; i < len(want); {
		if c := in.session.consumers[0].credit; c.Full() != nil || c.Waiting() >= 300 {
			ack(t, in, held...) // no more comes: what makes room also makes it go on
			held = nil
		}
		b := read(t, in)
		held = append(held, b)
		for _, m := range b.Messages {
			if string(m.Body) != want[i] {
				t.Fatalf("message %d is %.10q", i, m.Body)
			}
			i++
		}
	}
	c := in.session.consumers[0]
	shut(t, in)
	if c.number != 1 {
		t.Errorf("%d subscriptions", c.number)
	}
}

// A stream forgets what was delivered: read like a queue, it would lose at each restart what is not stored. Where the queue may not be declared, only
// what it delivers shows that it is one.
func TestStreamThatCannotBeSeen(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("stream", amqp091.Table{"x-queue-type": "stream"})
	v.Publish("stream", numbered(3)...)
	again := amqp091.Publishing{Headers: amqp091.Table{"x-stream-offset": int64(7)}} // was read from a stream and published again

	cfg := config(v)
	cfg.Declare, cfg.Queue = "never", "stream"
	in := newInput(t, cfg, env(t))
	open(t, in)
	v.Publish("stream", numbered(3)...)
	ctx, cancel := context.WithTimeout(t.Context(), rabbittest.Patience)
	defer cancel()
	b := &engine.Batch{}
	if err := in.Read(ctx, b); err == nil || !strings.Contains(err.Error(), "is a stream") || len(b.Messages) > 0 {
		t.Errorf("%d messages of a stream are read, error %v", len(b.Messages), err)
	}
	shut(t, in)

	for _, kind := range []string{"classic", "quorum"} {
		v.Declare(kind, amqp091.Table{"x-queue-type": kind})
		v.Send("", kind, again, again)
		cfg.Queue = kind
		readAll(t, start(t, cfg, env(t)), 2)
	}
}

// Without the queue, and with nobody to declare it, the reason must be said.
func TestQueueDeletedAndNotDeclared(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("logs", nil)
	cfg := config(v)
	cfg.Declare = "never"
	in := start(t, cfg, env(t))
	if _, err := v.Channel().QueueDelete("logs", false, false, false); err != nil {
		t.Fatal(err)
	}
	err := in.Read(t.Context(), &engine.Batch{})
	if err == nil || !strings.Contains(err.Error(), "was deleted") || !strings.Contains(err.Error(), `there is no queue "logs"`) {
		t.Errorf("read from a deleted queue: %v", err)
	}
}

// The channel dies, the connection lives: a reader that watches the connection alone would wait for ever.
func TestChannelClosed(t *testing.T) {
	v := rabbittest.New(t)
	in := start(t, config(v), env(t))
	v.Publish("logs", numbered(3)...)
	chunks := readAll(t, in, 3)
	if err := in.session.consumers[0].ch.Ack(999, false); err != nil {
		t.Fatal(err)
	}
	err := in.Read(t.Context(), &engine.Batch{})
	if err == nil || !strings.Contains(err.Error(), "unknown delivery tag 999") {
		t.Errorf("read from a closed channel: %v", err)
	}
	if err := in.Ack(t.Context(), tags(chunks)); err == nil {
		t.Error("an ack on a closed channel seems to have worked")
	}
	shut(t, in)
	v.WaitReady("logs", 3)
}

// The library ends the connection on headers that it does not read, each time anew: one such message stopped its queue, until a person took it
// out. It comes, without the headers that no other program could read either.
func TestHeadersThatTheLibraryDoesNotRead(t *testing.T) {
	v := rabbittest.New(t)
	in := start(t, config(v), env(t))
	deep := amqp091.Table{}
	for range 40 {
		deep = amqp091.Table{"t": deep}
	}
	v.Send("", "logs", amqp091.Publishing{Headers: amqp091.Table{"deep": deep, "long": make([]any, 9000), "well": "yes"}, Body: []byte("x")})
	b := read(t, in)
	headers := b.Messages[0].Meta.Headers()
	if list, ok := headers["long"].([]byte); headers["well"] != "yes" || !ok || len(list) < 9000 || headers["deep"] == nil {
		t.Errorf("a header is lost: well is %v, long %T, deep %T", headers["well"], headers["long"], headers["deep"])
	}
	ack(t, in, b)
	v.WaitReady("logs", 0)
}

// A message that waits too long for its ack ends the channel; the operator must hear that it was this.
func TestConsumerTimeout(t *testing.T) {
	broker := servers.OwnBroker(t)
	for _, set := range []string{"consumer_timeout, 1000", "channel_tick_interval, 200"} {
		if _, err := broker.Ctl(t.Context(), "eval", "application:set_env(rabbit, "+set+")."); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Defaults()
	cfg.Queue, cfg.URL = "logs", engine.NewSecret(broker.URL())
	cfg.ConsumerTimeout = time.Second // from 4.3 on it is this that counts
	in := start(t, cfg, env(t))
	conn, err := amqp091.Dial(broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Publish("", "logs", false, false, amqp091.Publishing{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	read(t, in)
	ctx, cancel := context.WithTimeout(t.Context(), rabbittest.Patience)
	defer cancel()
	err = in.Read(ctx, &engine.Batch{})
	if err == nil || !strings.Contains(err.Error(), "longer than its consumer_timeout of 1s") {
		t.Errorf("read after the timeout: %v", err)
	}
}

// One dead connection of several must not be overlooked.
func TestOneOfSeveralConnectionsDies(t *testing.T) {
	v := rabbittest.New(t)
	cfg := config(v)
	cfg.Connections = 3
	in := start(t, cfg, env(t))
	in.session.conns[1].Abort()
	if err := in.Read(t.Context(), &engine.Batch{}); err == nil || !strings.Contains(err.Error(), "the connection to the broker is lost") {
		t.Errorf("read: %v", err)
	}
}

// When the window is full nobody reads: the loss must be heard of all the same.
func TestLost(t *testing.T) {
	v := rabbittest.New(t)
	in := start(t, config(v), env(t))
	v.CloseConnections(1)
	select {
	case err := <-in.Lost():
		if !strings.Contains(err.Error(), "operator") {
			t.Errorf("lost because of %v", err)
		}
	case <-time.After(rabbittest.Patience):
		t.Error("nobody is told that the connection is dead")
	}
}

// In a drain what was delivered is read to its end: sent back, it would count as delivered once more.
func TestStop(t *testing.T) {
	for _, connections := range []int{1, 3} {
		v := rabbittest.New(t)
		cfg := config(v)
		cfg.Connections = connections
		in := start(t, cfg, env(t))
		v.Publish("logs", numbered(1000)...)
		chunks := []*engine.Batch{read(t, in)}
		v.WaitReady("logs", 0)
		in.Stop()
		got := len(chunks[0].Messages)
		for {
			b := &engine.Batch{}
			err := in.Read(t.Context(), b)
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			got += len(b.Messages)
			chunks = append(chunks, b)
		}
		ack(t, in, chunks...)
		v.Publish("logs", []byte("for others"))
		v.WaitReady("logs", 1+1000-got)
		if left := 1000 - got; left > 0 {
			t.Logf("%d messages were under way to a consumer that was gone", left)
		}
	}
}

// In a drain the broker must keep what nobody will read any more for other readers, and the acks must still go through.
func TestPause(t *testing.T) {
	v := rabbittest.New(t)
	in := start(t, config(v), env(t))
	v.Publish("logs", []byte("first"))
	first := read(t, in)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.Read(ctx, &engine.Batch{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("read ended with %v", err)
	}
	ack(t, in, first)
	if !rabbittest.Wait(func() bool {
		q, err := v.Channel().QueueDeclarePassive("logs", true, false, false, false, nil)
		return err == nil && q.Consumers == 0
	}) {
		t.Fatal("the consumer stays")
	}
	v.Publish("logs", []byte("second"))
	v.WaitReady("logs", 1)
	if b := read(t, in); string(b.Messages[0].Body) != "second" { // read goes on
		t.Errorf("read %q", b.Messages[0].Body)
	}
}

// Bodies are what memory is full of. Whatever their sizes are, what is held stays near the limit, and nothing is lost when
// the subscription changes.
func TestByteLimit(t *testing.T) {
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) { byteLimit(t, kind) })
	}
}

func byteLimit(t *testing.T, kind string) {
	const limit, large, most = 1 << 20, 64 << 10, 300
	v := rabbittest.New(t)
	cfg := config(v)
	cfg.QueueType, cfg.Prefetch = kind, most
	e := env(t)
	e.Window.Bytes = limit
	in := start(t, cfg, e)
	c := in.session.consumers[0]
	prefetch := func() int {
		n, _ := c.credit.Asked()
		return n
	}
	came, total := map[string]int{}, 0
	take := func(upTo int, ackEach bool) {
		t.Helper()
		var held []*engine.Batch
		for total < upTo {
			b := read(t, in)
			for _, m := range b.Messages {
				came[string(m.Body)]++
			}
			if total += len(b.Messages); ackEach {
				ack(t, in, b)
			} else {
				held = append(held, b)
			}
		}
		ack(t, in, held...)
	}
	send := func(first, n, size int) {
		var bodies [][]byte
		for i := range n {
			body := fmt.Appendf(nil, "%d ", first+i)
			bodies = append(bodies, append(body, bytes.Repeat([]byte("x"), size)...))
		}
		v.Publish("logs", bodies...)
	}
	send(0, 500, 10)
	take(500, true)
	if !rabbittest.Wait(func() bool { return prefetch() == most }) {
		t.Fatalf("with small bodies the prefetch is %d", prefetch())
	}

	send(500, 500, large) // and nothing is settled
	// Either more was sent than fits before the subscription had ended, or the broker is slower than that and it has ended: chance decides.
	if !rabbittest.Wait(func() bool { return c.credit.Full() != nil || prefetch() == 0 && c.credit.Holding() >= limit }) {
		t.Fatalf("%d bytes are held, and the prefetch is %d", c.credit.Holding(), prefetch())
	}
	if held := c.credit.Holding(); held > limit+limit/credit.Slack+2*large {
		t.Errorf("%d bytes are held, more than the limit, a quarter, and a message", held)
	}
	take(1000, true)
	if p := prefetch(); p > 64 {
		t.Errorf("with bodies of 64 KiB the prefetch is %d", p)
	}

	send(1000, 500, 10)
	take(1250, false) // as a batch that waits for more: the prefetch must grow without any ack
	take(1500, true)
	for i, n := range came {
		if n != 1 {
			t.Errorf("message %.10q came %d times", i, n)
		}
	}
	if len(came) != 1500 {
		t.Errorf("%d of 1500 messages came", len(came))
	}
}

// Headers fill memory as bodies do: a queue of tiny messages with long headers once took fifty times the limit, until the process was killed.
func TestByteLimitCountsHeaders(t *testing.T) {
	const limit, large = 1 << 20, 64 << 10
	v := rabbittest.New(t)
	messages := make([]amqp091.Publishing, 200)
	for i := range messages {
		messages[i] = amqp091.Publishing{Body: []byte("x"), Headers: amqp091.Table{"h": []any{strings.Repeat("h", large)}}}
	}
	v.Declare("logs", amqp091.Table{"x-queue-type": "quorum"})
	v.Send("", "logs", messages...)
	e := env(t)
	e.Window.Bytes = limit
	in := start(t, config(v), e)
	c := in.session.consumers[0]
	if !rabbittest.Wait(func() bool { return c.credit.Holding() > limit }) {
		t.Fatalf("%d bytes are held", c.credit.Holding())
	}
	if held := c.credit.Holding(); held > limit+limit/credit.Slack+2*large {
		t.Errorf("%d bytes are held", held)
	}
	for total := 0; total < len(messages); {
		b := read(t, in)
		if n := int64(len(b.Messages)); b.MetaBytes < n*large || b.MetaBytes > n*(large+1000) {
			t.Errorf("%d messages say that they hold %d bytes beside their bodies", n, b.MetaBytes)
		}
		total += len(b.Messages)
		ack(t, in, b)
	}
	if held := c.credit.Holding(); held != 0 {
		t.Errorf("%d bytes are held when all is settled", held)
	}
}

// What the broker dead-letters into an exchange or queue that is missing is lost, so all is there before the first message is read.
func TestTopology(t *testing.T) {
	v := rabbittest.New(t)
	cfg := config(v)
	cfg.DeadLetterExchange, cfg.DeadLetterRoutingKey = "dlx", "dead"
	cfg.Bindings = []Binding{
		{Exchange: "events", RoutingKeys: []string{"app.*", "db.#"}}, {Exchange: "all", Type: "fanout"}, {Exchange: "everything"},
	}
	e, log := logged(t)
	in := start(t, cfg, e)
	v.Send("events", "app.1", amqp091.Publishing{Body: []byte("1")})
	v.Send("events", "db.a.b", amqp091.Publishing{Body: []byte("2")})
	v.Send("events", "app.1.2", amqp091.Publishing{Body: []byte("nobody's")})
	v.Send("all", "", amqp091.Publishing{Body: []byte("3")})
	v.Send("everything", "a.b", amqp091.Publishing{Body: []byte("4")})
	var got []string
	for _, b := range readAll(t, in, 4) {
		for _, m := range b.Messages {
			got = append(got, string(m.Body))
		}
	}
	if !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		t.Errorf("got %q", got)
	}
	if err := in.session.consumers[0].ch.Nack(1, false, false); err != nil {
		t.Fatal(err)
	}
	v.WaitReady("dead", 1)
	if strings.Contains(log.String(), "WARN") || !strings.Contains(log.String(), `msg="prefetch is set" queue=logs messages=5000`) {
		t.Errorf("the log: %s", log)
	}
}

// The original's queue has no arguments. It goes on being used, with one warning, not one with each reconnect.
func TestExistingQueue(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("logs", nil)
	cfg := config(v)
	cfg.DeadLetterExchange, cfg.DeadLetterRoutingKey = "dlx", "dead"
	e, log := logged(t)
	in := newInput(t, cfg, e)
	for range 2 {
		open(t, in)
		v.Publish("logs", []byte("x"))
		ack(t, in, read(t, in))
		shut(t, in)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "x-dead-letter-exchange is not set there") {
		t.Errorf("%d warnings: %s", n, log)
	}
}

// What cannot be seen must be said, once: a delivery limit takes good messages away.
func TestUnseenQueue(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("logs", amqp091.Table{"x-queue-type": "quorum", "x-delivery-limit": 5})
	restricted := config(v)
	restricted.URL = engine.NewSecret(v.User("reader-"+v.Name, "geheim", "^$", ".*", ".*"))
	never := config(v)
	never.Declare = "never"
	for name, cfg := range map[string]Config{"never": never, "no permission": restricted} {
		e, log := logged(t)
		in := newInput(t, cfg, e)
		for range 2 {
			open(t, in)
			shut(t, in)
		}
		if n := strings.Count(log.String(), "delivery limit"); n != 1 {
			t.Errorf("%s: it is said %d times: %s", name, n, log)
		}
	}
}

// The consumer's name is how operators find it in the broker's listings.
func TestConsumerTag(t *testing.T) {
	for configured, want := range map[string]string{"mine": "mine-1-1", "": "logpipe-test-1-1"} {
		v := rabbittest.New(t)
		cfg := config(v)
		cfg.ConsumerTag = configured
		in := start(t, cfg, env(t))
		v.Publish("logs", []byte("x"))
		read(t, in)
		var got []struct {
			Tag string `json:"consumer_tag"`
		}
		if !rabbittest.Wait(func() bool {
			err := servers.TestBroker(t).Admin(t.Context(), "GET", "/api/consumers/"+url.PathEscape(v.Name), nil, &got)
			return err == nil && len(got) == 1
		}) {
			t.Fatalf("the broker lists %v", got)
		}
		if got[0].Tag != want {
			t.Errorf("consumer tag %q, want %q", got[0].Tag, want)
		}
	}
}

// All connections together may hold what is configured, or several of them would take several times the memory.
func TestByteLimitIsShared(t *testing.T) {
	v := rabbittest.New(t)
	cfg := config(v)
	cfg.Connections = 3
	e := env(t)
	e.Window.Bytes = 9 << 20
	in := start(t, cfg, e)
	for i, c := range in.session.consumers {
		if c.credit.Limit() != 3<<20 {
			t.Errorf("connection %d may hold %d bytes of %d", i, c.credit.Limit(), e.Window.Bytes)
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
	in := start(t, cfg, env(t))
	v.Publish("logs", numbered(2000)...)
	ack(t, in, readAll(t, in, 2000)...)
}

// An error of Open is all that an operator sees of a wrong configuration. It must say what is wrong, and not the password.
func TestOpenFails(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("stream", amqp091.Table{"x-queue-type": "stream"})
	v.Declare("taken", nil)
	for name, durable := range map[string]bool{"auto": true, "auto-transient": false} {
		if _, err := v.Channel().QueueDeclare(name, durable, true, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Channel().Consume("taken", "", false, true, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"stream":                {func(c *Config) { c.Queue = "stream" }, "is a stream"},
		"auto-delete":           {func(c *Config) { c.Queue = "auto" }, "is an auto-delete queue"},
		"auto-delete transient": {func(c *Config) { c.Queue = "auto-transient" }, "is an auto-delete queue"},
		"missing":               {func(c *Config) { c.Queue, c.Declare = "absent", "never" }, `there is no queue "absent"`},
		"taken":                 {func(c *Config) { c.Queue = "taken" }, "another consumer has the queue for itself"},
		"down": {func(c *Config) { c.URL = engine.NewSecret("amqp://u:" + v.Password() + "@127.0.0.1:1/") },
			"nothing listens on that port"},
		"second connection": {func(c *Config) { c.Connections = 64; c.URL = engine.NewSecret(limited(t, v)) }, "connection limit (2) is reached"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(v)
			c.change(&cfg)
			e, log := logged(t)
			in := newInput(t, cfg, e)
			err := in.Open(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
			shut(t, in)
			if all := fmt.Sprint(err, log); strings.Contains(all, v.Password()) {
				t.Errorf("the password is shown: %s", all)
			}
		})
	}
}

// limited returns a URL for a user that may have two connections.
func limited(t *testing.T, v *rabbittest.VHost) string {
	t.Helper()
	user := "limited-" + v.Name
	u := v.User(user, "geheim", ".*", ".*", ".*")
	err := servers.TestBroker(t).Admin(t.Context(), "PUT", "/api/user-limits/"+url.PathEscape(user)+"/max-connections", map[string]int{"value": 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOpenEndsWithContext(t *testing.T) {
	v := rabbittest.New(t)
	gate := rabbittest.NewGate(t, v.Address())
	cfg := config(v)
	u, _ := url.Parse(v.URL)
	u.Host = gate.Address
	cfg.URL = engine.NewSecret(u.String())
	in := newInput(t, cfg, env(t))
	gate.Hold()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := in.Open(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("open ended with %v", err)
	}
	shut(t, in)
}

// A broker that hears nothing any more must not hold up a pipeline's end.
func TestCloseEndsWithContext(t *testing.T) {
	v := rabbittest.New(t)
	gate := rabbittest.NewGate(t, v.Address())
	cfg := config(v)
	u, _ := url.Parse(v.URL)
	u.Host = gate.Address
	cfg.URL = engine.NewSecret(u.String())
	in := newInput(t, cfg, env(t))
	open(t, in)
	gate.Hold()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := in.Close(ctx); err == nil {
		t.Error("the broker has not answered, and close says that it has")
	}
}

// With the defaults of a pipeline, a rare partition and a batch age of minutes the queue must go on being read: chunks settled behind a rare message
// are acked only with it, and use up the prefetch until then.
func TestARarePartitionDoesNotStopTheQueue(t *testing.T) {
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			v := rabbittest.New(t)
			cfg := config(v)
			cfg.QueueType, cfg.Prefetch = kind, 200
			in := newInput(t, cfg, env(t))
			store := enginetest.NewStore(enginetest.NewLedger(), "output")
			p := &flow.Pipeline{
				Name:   "test",
				Inputs: []engine.InputStep{{Name: "input.amqp", Input: in, Window: engine.Capacity{Messages: 5000}}},
				Processors: []engine.ProcessorStep{{Name: "processor.group", Processor: enginetest.Group{Count: 50, Age: time.Hour, Key: func(body []byte) string {
					if body[len(body)-1] == '7' {
						return "rare"
					}
					return "common"
				}}}},
				Output:  engine.OutputStep{Name: "output.store", Output: store},
				Workers: 2, DrainTimeout: rabbittest.Patience,
			}
			open(t, in) // declares the queue
			shut(t, in)
			v.Publish("logs", numbered(3000)...)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- p.Run(ctx) }()
			for deadline := time.Now().Add(rabbittest.Patience); len(store.Bodies()) < 2900; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Errorf("%d of 3000 messages are stored", len(store.Bodies()))
					break
				}
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			// What was not delivered before the end is still there, and nothing else.
			v.WaitReady("logs", 3000-len(store.Bodies()))
		})
	}
}
