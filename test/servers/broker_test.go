package servers

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// open returns a channel that closes with the test.
func open(t *testing.T, url string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// commandOf is the name of a running program.
func commandOf(t *testing.T, pid int) string {
	t.Helper()
	out, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// publish puts a persistent message into a durable queue and waits for the
// broker's confirmation.
func publish(t *testing.T, url, queue, body string) {
	t.Helper()
	ch := open(t, url)
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	msg := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)}
	confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, msg)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := confirm.WaitContext(ctx); err != nil || !ok {
		t.Fatalf("the broker did not confirm: %v", err)
	}
}

// consume takes one message.
func consume(t *testing.T, url, queue string) string {
	t.Helper()
	deliveries, err := open(t, url).Consume(queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case d, ok := <-deliveries:
		if !ok {
			t.Fatalf("queue %s: the channel closed before a message came", queue)
		}
		return string(d.Body)
	case <-time.After(20 * time.Second):
		t.Fatalf("queue %s: no message within 20 seconds", queue)
		return ""
	}
}

func TestBrokerCarriesMessages(t *testing.T) {
	url := VHost(t)
	publish(t, url, "q", "hello")
	if got := consume(t, url, "q"); got != "hello" {
		t.Errorf("consumed %q, published hello", got)
	}
}

func TestVHostsAreApart(t *testing.T) {
	one, two := VHost(t), VHost(t)
	publish(t, one, "q", "mine")
	if _, err := open(t, two).QueueDeclarePassive("q", true, false, false, false, nil); err == nil {
		t.Error("the queue of one virtual host is seen in another")
	}
}

func TestVHostIsRemovedWithItsTest(t *testing.T) {
	var url string
	t.Run("user", func(t *testing.T) { url = VHost(t) })
	if conn, err := amqp.Dial(url); err == nil {
		conn.Close()
		t.Error("the virtual host of an ended test is still there")
	}
}

func TestCloseConnections(t *testing.T) {
	b, ctx := TestBroker(t), t.Context()
	name := "close-" + randomHex(4)
	url, err := b.VHost(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, b.DeleteVHost(context.Background(), name)) })
	closed := open(t, url).NotifyClose(make(chan *amqp.Error, 1))
	eventually(t, "closed: the one connection", func() bool {
		n, err := b.CloseConnections(ctx, name)
		return err == nil && n == 1
	})
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Error("the client was not told within 20 seconds")
	}
}

// TestBrokerLife is one test because a node takes seconds to start.
func TestBrokerLife(t *testing.T) {
	before := descendants(t, os.Getpid())
	b, ctx := OwnBroker(t), t.Context()
	url, err := b.VHost(ctx, "life")
	if err != nil {
		t.Fatal(err)
	}
	publish(t, url, "q", "before stop")
	// The server itself, not a script around it: who measures the CPU time of a script measures nothing.
	if pid, err := b.PID(); err != nil || !strings.Contains(commandOf(t, pid), "beam") {
		t.Errorf("PID: %d, %v, want the process of Erlang's machine; it is %q", pid, err, commandOf(t, pid))
	}
	step(t, "stop", b.Stop(ctx))
	if pid, err := b.PID(); !errors.Is(err, ErrNotOwn) {
		t.Errorf("PID of a stopped broker: %d, %v, want ErrNotOwn", pid, err)
	}
	if conn, err := amqp.Dial(url); err == nil {
		conn.Close()
		t.Error("a stopped broker takes connections")
	}
	step(t, "start", b.Start(ctx))
	if got := consume(t, url, "q"); got != "before stop" {
		t.Errorf("after Stop and Start: consumed %q", got)
	}

	publish(t, url, "q2", "before kill")
	step(t, "sync the declarations", b.SyncDeclarations(ctx))
	step(t, "kill", b.Kill())
	step(t, "start", b.Start(ctx))
	if got := consume(t, url, "q2"); got != "before kill" {
		t.Errorf("after Kill and Start: consumed %q", got)
	}

	step(t, "pause", b.Pause())
	if conn, err := amqp.DialConfig(url, amqp.Config{Dial: amqp.DefaultDial(300 * time.Millisecond)}); err == nil {
		conn.Close()
		t.Error("a paused broker answers")
	}
	step(t, "resume", b.Resume())
	step(t, "answer", b.handshake(ctx))

	out, err := b.Ctl(ctx, "list_vhosts")
	step(t, "rabbitmqctl", err)
	if !strings.Contains(out, "life") {
		t.Errorf("rabbitmqctl list_vhosts: no virtual host life in %q", out)
	}

	ours := without(descendants(t, os.Getpid()), before)
	if _, local := b.run.(*node); local {
		mustHave(t, ours, "beam.smp", "erl_child_setup", "epmd")
	}
	step(t, "pause", b.Pause()) // a paused one must end too
	step(t, "close", b.Close())
	mustVanish(t, ours)
	if err := b.Start(ctx); !errors.Is(err, ErrNotOwn) {
		t.Errorf("Start after Close: %v", err)
	}
}

func step(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func TestNamedBroker(t *testing.T) {
	b := TestBroker(t)
	for _, kv := range b.Env() {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	named, err := StartBroker(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if named.URL() != b.URL() || named.Own() {
		t.Errorf("named: URL %s, own %v", named.URL(), named.Own())
	}
	if err := named.Stop(t.Context()); !errors.Is(err, ErrNotOwn) {
		t.Errorf("Stop of somebody else's broker: %v", err)
	}
	if _, err := named.Ctl(t.Context(), "status"); !errors.Is(err, ErrNotOwn) {
		t.Errorf("Ctl on somebody else's broker: %v", err)
	}
	step(t, "close", named.Close())
	step(t, "the broker runs on", b.handshake(t.Context()))
}

func TestNamedBrokerErrors(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"nonsense", `LOGPIPE_TEST_AMQP_URL="nonsense" is no URL`},
		{"amqp://127.0.0.1:1", "reach the broker that LOGPIPE_TEST_AMQP_URL names: AMQP handshake with 127.0.0.1:1"},
	} {
		t.Setenv(EnvAMQP, c.url)
		_, err := StartBroker(t.Context(), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.url, err, c.want)
		}
		if errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: a named broker that does not answer counts as unavailable, so tests would skip", c.url)
		}
	}
}
