package flow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// acks is an input whose Ack is of the test's own making. It hears of a loss only by Read and Ack.
type acks struct {
	engine.Input
	ack func(ctx context.Context, tags []uint64) error
}

func (a acks) Ack(ctx context.Context, tags []uint64) error { return a.ack(ctx, tags) }

// A source that takes no acks any more must be opened again although Read waits: else what it has is never settled.
func TestAnAckErrorEndsARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.source.Follow = true
		calls := 0
		g.p.Inputs[0].Input = acks{g.source, func(ctx context.Context, tags []uint64) error {
			if calls++; calls == 1 {
				return errors.New("channel is closed")
			}
			return g.source.Ack(ctx, tags)
		}}
		stop := g.start(t)
		time.Sleep(time.Minute)
		if g.source.Opens() != 2 || g.source.Unacked() != 0 {
			t.Errorf("%d opens, want 2; %d messages are unacked", g.source.Opens(), g.source.Unacked())
		}
		g.finishNow(t, stop)
	})
}

// A connection that delivers, takes no ack and dies must not be opened again and again at once: a broker counts each delivery against
// the message, and takes good ones away when there were too many. One that did its work may.
func TestReopeningBacksOffUntilSomethingIsAcked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(20)
		g.source.Follow = true
		var works atomic.Bool
		g.p.Inputs[0].Input = acks{g.source, func(ctx context.Context, tags []uint64) error {
			if !works.Load() {
				return errors.New("channel is closed")
			}
			return g.source.Ack(ctx, tags)
		}}
		stop := g.start(t)
		time.Sleep(10 * time.Minute)
		if n := g.source.Opens(); n < 40 || n > 90 {
			t.Errorf("%d opens in ten minutes of a connection that always dies, want one in 7 to 15 s", n)
		}
		works.Store(true)
		time.Sleep(time.Minute)
		opens := g.source.Opens()
		g.source.Cut(errReset)
		g.source.Send("later")
		time.Sleep(2 * time.Second)
		if n := g.source.Opens() - opens; n != 1 {
			t.Errorf("%d opens within two seconds after a connection that worked, want 1", n)
		}
		g.finishNow(t, stop)
	})
}

// The acks that a drain leaves for its end must go out: what is stored would be delivered again.
func TestADrainSendsTheLastAcks(t *testing.T) {
	for range 20 { // an acker that may end too early does not always
		synctest.Test(t, func(t *testing.T) {
			g := newRig(50)
			g.source.Follow = true
			g.p.Inputs[0].Input = acks{g.source, func(ctx context.Context, tags []uint64) error {
				time.Sleep(time.Second) // meanwhile the others settle
				return g.source.Ack(ctx, tags)
			}}
			stop := g.start(t)
			time.Sleep(time.Millisecond)
			g.finishNow(t, stop)
			if n := g.source.Requeued(); n != 0 {
				t.Errorf("%d messages went back although they are stored", n)
			}
		})
	}
}

// A job with a finite input must not say that all is well when its source did not take the last acks.
func TestAFinishedPipelineSaysThatItsAcksFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.p.Inputs[0].Input = acks{g.source, func(ctx context.Context, _ []uint64) error { <-ctx.Done(); return ctx.Err() }}
		var left *flow.LeftError
		if err := g.p.Run(t.Context()); !errors.As(err, &left) || !strings.Contains(err.Error(), "could not be acked") {
			t.Errorf("the pipeline ended with %v", err)
		}
	})
}

// exclusive finds calls of Open and Close beside an Ack.
type exclusive struct {
	*enginetest.Source
	acking atomic.Bool
	broken atomic.Bool
}

func (e *exclusive) Open(ctx context.Context) error { e.look(); return e.Source.Open(ctx) }

func (e *exclusive) Close(ctx context.Context) error { e.look(); return e.Source.Close(ctx) }

func (e *exclusive) look() {
	if e.acking.Load() {
		e.broken.Store(true)
	}
}

func (e *exclusive) Ack(ctx context.Context, tags []uint64) error {
	e.acking.Store(true)
	defer e.acking.Store(false)
	time.Sleep(3 * time.Second)
	return e.Source.Ack(ctx, tags)
}

// An Ack that still runs when its input is opened again could reach the new connection.
func TestOpenAndCloseRunBesideNoAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(20)
		g.source.Follow = true
		e := &exclusive{Source: g.source}
		g.p.Inputs[0].Input = e
		stop := g.start(t)
		time.Sleep(time.Second)
		g.source.Cut(errReset)
		time.Sleep(time.Minute)
		stop()
		if e.broken.Load() {
			t.Error("Open or Close was called beside an Ack")
		}
		g.ledger.Check(t, true)
	})
}

// What an input brought that hears of its loss by Read alone is void as well.
func TestAReadErrorMakesVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(30) // two batches are being written, one waits, and the reader reads
		g.source.Follow = true
		g.p.Inputs[0].Input = deafSource{g.source}
		script, open := gated()
		g.output.Script = script
		stop := g.start(t)
		synctest.Wait()
		g.source.Cut(errReset)
		synctest.Wait()
		open()
		time.Sleep(time.Minute)
		if n := g.events.sum(engine.Voided); n == 0 {
			t.Error("nothing was void")
		}
		twice := 0
		for _, n := range g.output.Bodies() {
			twice += n - 1
		}
		if twice > 20 {
			t.Errorf("%d messages were stored twice, two batches were being written", twice)
		}
		g.finishNow(t, stop)
	})
}

// Two batches are all that is held, and both are being written: nothing else keeps the reader from opening again. The old window has to.
func TestReopenWaitsForWhatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(20)
		g.source.Follow = true
		script, open := gated()
		g.output.Script = script
		stop := g.start(t)
		synctest.Wait()
		g.source.Cut(errReset)
		time.Sleep(24 * time.Hour)
		if n := g.source.Opens(); n != 1 {
			t.Errorf("the source was opened %d times while its void messages were held", n)
		}
		open()
		time.Sleep(time.Minute)
		g.finishNow(t, stop)
	})
}

// Parts of a split message count: exit code 0 must not be given while one is unsettled.
func TestUnsettledPartsAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(1)
		g.source.Follow = true
		g.before(transform(func(b *engine.Batch) error {
			b.Split(0, engine.Message{Body: []byte("a")}, engine.Message{Body: []byte("b")}, engine.Message{Body: []byte("c")})
			return nil
		}))
		g.p.Processors[1].Processor = enginetest.Group{Count: 2, Age: time.Second}
		g.output.Script = func(n int, _ *engine.Batch) enginetest.Step { return enginetest.Step{Hang: n > 0} }
		g.p.Workers = 1
		stop := g.start(t)
		time.Sleep(time.Minute)
		var left *flow.LeftError
		if err := stop(); !errors.As(err, &left) || left.Messages != 1 {
			t.Errorf("the pipeline ended with %v, want one part left", err)
		}
	})
}

// A message that a transform makes anew has no chunk, so its source would never hear of it; one that it moves after it rejected it would be
// settled in the place of another. Both are held, and nothing is lost.
func TestATransformThatBreaksItsContractIsHeld(t *testing.T) {
	for name, breaks := range map[string]func(b *engine.Batch){
		"made anew": func(b *engine.Batch) { b.Messages[3] = engine.Message{Body: b.Messages[3].Body} },
		"made anew and rejected": func(b *engine.Batch) {
			b.Messages[3] = engine.Message{Body: b.Messages[3].Body}
			b.Reject(3, errors.New("no good"))
		},
		"twice": func(b *engine.Batch) { b.Messages[3] = b.Messages[13] },
		"moved after it was rejected": func(b *engine.Batch) {
			b.Reject(3, errors.New("no good"))
			b.Messages[3], b.Messages[13] = b.Messages[13], b.Messages[3]
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(20)
				g.source.Follow = true
				var mended atomic.Bool
				g.p.Processors = append(g.p.Processors, engine.ProcessorStep{Name: "processor.broken", Processor: transform(func(b *engine.Batch) error {
					if !mended.Load() {
						breaks(b)
					}
					return nil
				})})
				g.p.Processors[0].Processor = enginetest.Group{Count: 20, Age: time.Second}
				stop := g.start(t)
				time.Sleep(time.Hour)
				if n := g.source.Unacked(); n != 20 {
					t.Errorf("%d of 20 messages are unacked", n)
				}
				mended.Store(true)
				time.Sleep(time.Minute)
				if n := len(g.output.Bodies()); n != 20 {
					t.Errorf("%d of 20 messages are stored", n)
				}
				g.finishNow(t, stop)
			})
		})
	}
}

// The name, time and cause that a stage gave a batch are what the output sees; times are in UTC, as keys need them.
func TestASealedBatchKeepsItsNameAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(15)
		g.p.Workers = 1 // so that they are stored in order
		n := 0
		g.p.Processors[0].Processor = enginetest.Group{Count: 10, Age: time.Second, NewID: func() string { n++; return fmt.Sprint("batch-", n) }}
		east := time.FixedZone("east", 3600)
		g.before(transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				b.Messages[i].Time = time.Date(2026, 1, 2, 0, 30, 0, 0, east)
			}
			return nil
		}))
		g.finish(t)
		objects := g.output.Objects()
		if len(objects) != 2 || objects[0].ID != "batch-1" || objects[1].ID != "batch-2" ||
			objects[0].SealedBy != engine.SealedByCount || objects[1].SealedBy != engine.SealedByDrain {
			t.Errorf("the batches are %+v and %+v", objects[0], objects[len(objects)-1])
		}
		for _, o := range objects {
			if o.Time.Location() != time.UTC || o.Time.Day() != 1 {
				t.Errorf("the time of %s is %v, want UTC", o.ID, o.Time)
			}
		}
	})
}

// short is a source of which something could not be read.
type short struct{ *enginetest.Source }

func (s short) Read(ctx context.Context, b *engine.Batch) error {
	if err := s.Source.Read(ctx, b); err != nil {
		return &engine.ShortError{Err: fmt.Errorf("a.gz is cut off: %w", err)}
	}
	return nil
}

// A job must not end with exit code 0 when its source could not be read to the end; what could be read is delivered.
func TestASourceThatEndsShortIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(25)
		g.p.Inputs[0].Input = short{g.source}
		var left *flow.LeftError
		if err := g.p.Run(t.Context()); !errors.As(err, &left) || !strings.Contains(err.Error(), "input.source: a.gz is cut off") {
			t.Errorf("the pipeline ended with %v", err)
		}
		g.ledger.Check(t, true)
	})
}

// eofs is an input that loses its connection in the way of the standard library: by an error that wraps io.EOF.
type eofs struct{ engine.Input }

func (e eofs) Read(ctx context.Context, b *engine.Batch) error {
	err := e.Input.Read(ctx, b)
	if errors.Is(err, errReset) {
		return fmt.Errorf("the other side closed the connection: %w", io.EOF)
	}
	return err
}

// A lost connection must not be taken for the end of the source: the pipeline would end, and the logs would wait for nobody.
func TestAConnectionThatEndsIsNoEndOfTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(25)
		g.source.Follow = true
		g.p.Inputs[0].Input = eofs{g.source}
		stop := g.start(t)
		time.Sleep(time.Minute)
		g.source.Cut(errReset)
		time.Sleep(time.Minute)
		g.source.Send("later")
		time.Sleep(time.Minute)
		if n := g.source.Opens(); n != 2 {
			t.Errorf("the source was opened %d times, want 2", n)
		}
		g.finishNow(t, stop)
	})
}
