package cost

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/processors/batch"
)

// The model is held against the stage itself, with messages that come by chance: one that is wrong would tell people to pay for what does not help.
func TestModelIsTheStage(t *testing.T) {
	for name, c := range map[string]struct {
		count, open, most int
		age               time.Duration
		rate              float64
		partitions        int
		seconds           float64
	}{
		"age":            {1000, 0, 1000, 5 * time.Second, 20, 4, 600},
		"age, seldom":    {1000, 0, 1000, 5 * time.Second, 20, 100, 600},
		"count":          {20, 0, 1000, time.Minute, 200, 5, 100},
		"max_partitions": {1000, 0, 100, time.Minute, 200, 500, 100},
		"open_messages":  {400, 1000, 1000, time.Minute, 500, 50, 60},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := batch.Defaults()
			cfg.Count, cfg.OpenMessages, cfg.MaxPartitions, cfg.Age, cfg.PartitionBy = c.count, c.open, c.most, c.age, []string{"p"}
			s := Settings{Count: c.count, Bytes: int64(cfg.Bytes), Age: c.age, MaxPartitions: c.most, OpenMessages: c.open}
			want := s.Batch(load(c.rate, 12, float64(c.partitions)))
			synctest.Test(t, func(t *testing.T) {
				got := sealed(t, cfg, c.rate, c.partitions, c.seconds)
				t.Logf("%.2f messages a batch, and the model says %.2f, by %s", got, want.Messages, want.By)
				if math.Abs(got-want.Messages) > want.Messages*0.1 {
					t.Errorf("the stage seals batches of %.2f messages, and the model says %.2f", got, want.Messages)
				}
			})
		})
	}
}

// sealed runs a stage and returns the mean number of messages of the batches that it seals before it is told to end.
func sealed(t *testing.T, cfg batch.Config, rate float64, partitions int, seconds float64) float64 {
	t.Helper()
	n := 0
	stage, err := batch.New(cfg, engine.Env{Log: slog.New(slog.DiscardHandler), NewID: func() string { n++; return fmt.Sprint(n) }})
	if err != nil {
		t.Fatal(err)
	}
	in, out, ended := make(chan *engine.Batch), make(chan *engine.Batch), make(chan error, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	go func() { ended <- stage.Run(ctx, in, out); close(out) }()
	batches, messages := 0, 0
	counted := make(chan struct{})
	var ending bool
	go func() {
		for b := range out {
			if !ending {
				batches++
				messages += len(b.Messages)
			}
		}
		close(counted)
	}()
	chance := rand.New(rand.NewPCG(1, 2))
	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); time.Now().Before(end); {
		in <- &engine.Batch{Messages: []engine.Message{{Body: fmt.Appendf(nil, `{"p":"%03d"}`, chance.IntN(partitions)), Time: time.Now()}}}
		time.Sleep(time.Duration(chance.ExpFloat64() / rate * float64(time.Second)))
	}
	synctest.Wait()
	ending = true
	close(in)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-counted
	return float64(messages) / float64(batches)
}
