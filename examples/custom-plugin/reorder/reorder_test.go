package reorder

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

func TestSuite(t *testing.T) {
	for _, c := range []Config{{Hold: 2 * time.Second, Messages: 1000}, {Hold: time.Hour, Messages: 2}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			enginetest.TestStage(t, func(t *testing.T) engine.Stage {
				s, err := New(c, engine.Env{})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}, "a", "b", "c", "d", "e", "f", "g")
		})
	}
}

// run sends messages whose times are so many seconds before now, each in a chunk of its own, and returns their order behind the stage.
func run(t *testing.T, c Config, ages ...int) (order []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, _ := New(c, engine.Env{})
		in, out, done := make(chan *engine.Batch), make(chan *engine.Batch), make(chan error, 1)
		go func() { done <- s.Run(t.Context(), in, out); close(out) }()
		go func() {
			for _, age := range ages {
				in <- &engine.Batch{Messages: []engine.Message{{Body: fmt.Append(nil, age), Time: time.Now().Add(time.Duration(-age) * time.Second)}}}
			}
			time.Sleep(c.Hold + time.Second) // of the bubble: what is due goes on by itself
			close(in)
		}()
		for b := range out {
			for _, m := range b.Messages {
				order = append(order, string(m.Body))
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return order
}

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		Config
		ages []int
		want []string
	}{
		{"older ones go first", Config{10 * time.Second, 100}, []int{1, 3, 2, -60}, []string{"3", "2", "1", "-60"}},
		{"of one time, in the order of arrival", Config{10 * time.Second, 100}, []int{1, 1, 1}, []string{"1", "1", "1"}},
		{"what comes too late is not held", Config{10 * time.Second, 100}, []int{1, 20, 2}, []string{"20", "2", "1"}},
		{"no more than so many wait", Config{10 * time.Second, 1}, []int{1, 2, 3}, []string{"2", "3", "1"}},
	} {
		if got := run(t, c.Config, c.ages...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A sender whose clock is ahead must not have its messages wait for that time to come.
func TestAClockThatIsAheadHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := New(Config{Hold: time.Second, Messages: 10}, engine.Env{})
		in, out, done := make(chan *engine.Batch), make(chan *engine.Batch), make(chan error, 1)
		go func() { done <- s.Run(t.Context(), in, out) }()
		begun := time.Now()
		in <- &engine.Batch{Messages: []engine.Message{{Body: []byte("a"), Time: begun.Add(time.Hour)}}}
		<-out
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the message was held for %s", took)
		}
		close(in)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
