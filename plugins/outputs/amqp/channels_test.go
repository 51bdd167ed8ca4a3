package amqp

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
)

// few is a configuration with a user of its own, which may have so many channels.
func few(t *testing.T, v *rabbittest.VHost, n int) Config {
	t.Helper()
	user := "few-" + v.Name
	c := config(v)
	c.URL = engine.NewSecret(v.User(user, "geheim", ".*", ".*", ".*"))
	limit(t, user, n)
	return c
}

func limit(t *testing.T, user string, n int) {
	t.Helper()
	path := "/api/user-limits/" + url.PathEscape(user) + "/max-channels"
	if err := servers.TestBroker(t).Admin(t.Context(), "PUT", path, map[string]int{"value": n}, nil); err != nil {
		t.Fatal(err)
	}
}

// counted waits until the broker counts channels, and then for the output's first one. A broker counts by events, and so a
// moment late; seen of one that had just been started on a busy machine.
func counted(t *testing.T, c Config, n int, o engine.Output) {
	t.Helper()
	refuses := rabbittest.Wait(func() bool {
		conn, err := amqp091.Dial(c.URL.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() // the broker has closed it already when it refuses
		for range n {
			if _, err := conn.Channel(); err != nil {
				return false // of the time before
			}
		}
		time.Sleep(100 * time.Millisecond) // if it counts later than that, it is tried again
		_, err = conn.Channel()
		return err != nil
	})
	if !refuses || !rabbittest.Wait(func() bool { return o.(engine.Checker).Check(t.Context()) == nil }) {
		t.Fatalf("the broker does not let the user have %d channels and no more", n)
	}
}

// flood lets workers write all at once, each batch once, and looks whether each message is stored once. An error would not
// be wrong, but the batch would be written again by who uses the output, and may be there twice then.
func flood(t *testing.T, v *rabbittest.VHost, o engine.Output, workers int) {
	t.Helper()
	const rounds, each = 6, 10
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for round := range rounds {
				var texts []string
				for i := range each {
					texts = append(texts, fmt.Sprintf("%d/%d/%d", worker, round, i))
				}
				err := write(t, o, batch(texts...))
				for range 3 { // a busy broker counts a channel of a connection that it has ended for a moment longer; nothing was sent then
					if err != nil && strings.HasPrefix(err.Error(), "open a channel") {
						err = write(t, o, batch(texts...))
					}
				}
				if err != nil {
					t.Errorf("worker %d, batch %d: %v", worker, round, err)
				}
			}
		})
	}
	wg.Wait()
	stored := map[string]int{}
	for _, body := range bodies(v, "stored") {
		stored[body]++
	}
	for body, n := range stored {
		if n > 1 {
			t.Errorf("message %s is stored %d times", body, n)
		}
	}
	if want := workers * rounds * each; len(stored) != want {
		t.Errorf("%d of %d messages are stored", len(stored), want)
	}
}

// The broker ends the connection at one channel too many, and what waits for its confirm then would be published again.
func TestLimitOfChannels(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			v := rabbittest.New(t)
			log := &logText{}
			e := env(t, engine.RoleOutput)
			e.Log = newLog(log)
			c := few(t, v, n)
			o := newOutput(t, c, e)
			counted(t, c, n, o)
			flood(t, v, o, 6)
			if open := o.(*output).link.open(); open < 1 || open > n {
				t.Errorf("%d channels are open", open)
			}
			if said := strings.Count(log.String(), "there can be no more channels"); said != 1 || !strings.Contains(log.String(), "set_user_limits") {
				t.Errorf("it is said %d times:\n%s", said, log)
			}
		})
	}
}

// Without a limit each worker has a channel.
func TestChannelForEachWorker(t *testing.T) {
	v := rabbittest.New(t)
	log := &logText{}
	e := env(t, engine.RoleOutput)
	e.Log = newLog(log)
	o := newOutput(t, config(v), e)
	flood(t, v, o, 6)
	if open := o.(*output).link.open(); open < 2 || open > 6 {
		t.Errorf("%d channels are open", open)
	}
	if strings.Contains(log.String(), "no more channels") {
		t.Errorf("the log: %s", log)
	}
}

func TestNoChannelAtAll(t *testing.T) {
	v := rabbittest.New(t)
	o := newOutput(t, few(t, v, 0), env(t, engine.RoleOutput))
	failsFor(t, o.(engine.Checker).Check(t.Context()), "may open no channel at all")
	err := write(t, o, batch("x"))
	failsFor(t, err, "max-channels")
	if got := engine.ClassOf(err); got != "refused" {
		t.Errorf("it is counted as %s", got)
	}
}

// A dead letter that comes when an output has all channels of the user must not wait for ever: what cannot be buried stops
// the input. The output has them also while it has nothing to write, because the input cannot go on.
func TestOthersGetAChannel(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy=%v", busy), func(t *testing.T) {
			v := rabbittest.New(t)
			v.Declare("dead", nil)
			c := few(t, v, 3)
			o := newOutput(t, c, env(t, engine.RoleOutput)).(*output)
			counted(t, c, 3, o)
			flood(t, v, o, 6)
			if open := o.link.open(); open != 3 {
				t.Fatalf("%d channels are open", open)
			}
			c.Exchange, c.Queue, c.Declare = "", "dead", "never"
			d := newOutput(t, c, env(t, engine.RoleDeadLetter))
			var wg sync.WaitGroup
			if busy {
				wg.Go(func() { flood(t, v, o, 6) })
			}
			var err error
			if !rabbittest.Wait(func() bool { err = write(t, d, batch("bad")); return err == nil }) {
				t.Errorf("the dead letter cannot be published: %v", err)
			}
			wg.Wait()
			if got := bodies(v, "dead"); len(got) != 1 {
				t.Errorf("dead letters are %q", got)
			}
		})
	}
}

// What is agreed upon for a connection is known before, and nothing has to end for it.
func channelMax(t *testing.T, broker *servers.Broker, cfg Config) {
	limit := func(ctx context.Context, n int) error {
		_, err := broker.Ctl(ctx, "eval", fmt.Sprintf("application:set_env(rabbit, channel_max, %d).", n))
		return err
	}
	t.Cleanup(func() {
		if err := limit(context.Background(), 2047); err != nil {
			t.Error(err)
		}
	})
	for n := 1; n <= 2; n++ {
		if err := limit(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		log := &logText{}
		e := env(t, engine.RoleDeadLetter) // it asks for the queue's length, too
		e.Log = newLog(log)
		o := newOutput(t, cfg, e).(*output)
		if err := o.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		conn := o.link.conn
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for range 6 {
					if err := write(t, o, batch("x", "y")); err != nil {
						t.Errorf("worker %d: %v", worker, err)
					}
				}
			})
		}
		wg.Wait()
		o.link.stale.Store(true) // what is declared anew needs a channel as well
		if err := write(t, o, batch("z")); err != nil || conn.IsClosed() {
			t.Errorf("channel_max %d: the connection is closed: %v, %v", n, conn.IsClosed(), err)
		}
		if said := strings.Count(log.String(), "there can be no more channels"); said != 1 || !strings.Contains(log.String(), "channel_max") {
			t.Errorf("it is said %d times:\n%s", said, log)
		}
	}
}
