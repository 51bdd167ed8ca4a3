package recovery

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/signal"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// How long recovery waits before it asks an empty fallback again, when nothing wakes it.
const recoverEvery = 10 * time.Second

// lastDoubts is how many batches the last pass tries before it takes their failures for an outage.
const lastDoubts = 3

// deadLetterPatience is how long another try of what is refused waits for dead letters of what came home.
const deadLetterPatience = time.Hour

// Recovery brings batches of the fallback home, one at a time, each under its own id and straight to the output's policies. It is
// its own probe: an idle pipeline has no other sign that the output is well. A batch leaves the fallback when all of it is
// settled, its dead letters included; others need not wait for these.
//
// No batch keeps the others from coming home. One that fails stays where it is, and the next is tried: at once when others are stored
// meanwhile, for then it is refused for its own sake and waits for a back-off of its own; after a back-off of all when nothing is, for
// then it looks like an outage. A pass reads the fallback from its beginning to its end. What failed is read again in the next.
type Recovery struct {
	br    *deliver.Branch
	input engine.Input
	Last  chan struct{} // closed when nothing more can fall back: go on to the end of the fallback, then return
	Done  chan struct{}
	Left  error // why the fallback is not home; read it after done
	news  homecoming

	Refused Refusals
	wait    tries.Backoff // while nothing is stored
	number  int           // of passes

	// of one pass
	epoch    *books.Epoch
	final    bool                    // it began when nothing more could fall back: what is left after it stays
	out      map[uint64]engine.Event // what was read and not acked: tag → what to tell when it is
	homeless error                   // why a batch stays where it is
	skipped  int                     // how many of those there are
	stays    int64                   // and how many messages are in them
	late     late                    // the dead letters on their way of those that are home
	doubts   int                     // how many of them failed while nothing was stored
	again    bool                    // something was stored since: they are worth another pass now
	wanted   time.Time               // since when another pass is due
}

// errAgain ends a pass because the next has something to do.
var errAgain = errors.New("what failed is tried again")

// New makes what brings home to br what input gives, the recovery of its fallback.
func New(br *deliver.Branch, input engine.Input) *Recovery {
	return &Recovery{
		br: br, input: input, Last: make(chan struct{}), Done: make(chan struct{}),
		wait:    tries.RecoverBackoff(),
		Refused: Refusals{all: map[string]*refusal{}},
		news:    homecoming{log: br.Life.Log, plugin: br.Spec.Fallback.Name},
	}
}

// Run brings home what there is, until there will be no more or the pipeline stops.
func (c *Recovery) Run() {
	defer close(c.Done)
	said := ""
	for {
		err := c.pass()
		switch {
		case err == nil || c.br.Stop.Err() != nil:
			return
		case err == errAgain:
			continue
		case c.final:
			c.Left = err
			return
		}
		if said != err.Error() {
			said = err.Error()
			c.br.Life.Log.Warn("fallback does not come home; trying again", "plugin", c.br.Spec.Fallback.Name, "error", err)
		}
		c.pause(c.wait.Delay(), nil)
	}
}

// pass opens the fallback, brings home what it holds, and waits for more. It returns nil when there will be no more.
func (c *Recovery) pass() error {
	c.epoch = books.NewEpoch(c.br.Spec.Fallback.Name, books.NewWindow(books.Amount{}), func(*books.Receipt) {})
	c.out, c.homeless, c.skipped, c.stays, c.doubts, c.again, c.wanted = map[uint64]engine.Event{}, nil, 0, 0, 0, false, time.Time{}
	c.late = late{}
	c.number++
	if c.final = signal.IsClosed(c.Last); c.final {
		c.Refused.hurry()
	}
	defer c.close()
	if err := fault.Guard(func() error { return c.input.Open(c.br.Stop) }); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for c.br.Stop.Err() == nil {
		if err := c.settle(); err != nil {
			return err
		}
		if c.late.tooMany(c.epoch.Unsettled.Load() - c.stays) {
			c.await(c.br.Stop)
			continue
		}
		end, err := c.step()
		if !end && err == nil {
			continue
		}
		if serr := c.settle(); serr != nil { // what is home must not come again
			return serr
		}
		return err
	}
	return c.lastDeadLetters()
}

// step reads and writes one batch. end says that the pass is over.
func (c *Recovery) step() (end bool, err error) {
	b := &engine.Batch{}
	last := signal.IsClosed(c.Last) // asked before reading: what falls back later is not for this pass
	err = fault.Guard(func() error { return c.input.Read(c.br.Stop, b) })
	switch {
	case err == nil && len(b.Messages) > 0:
		c.home(b)
		switch {
		case c.final && c.doubts >= lastDoubts:
			return true, c.homeless
		case signal.IsClosed(c.Last) && c.doubts >= lastDoubts:
			return true, errAgain
		case c.again && c.doubts > 0:
			return c.nextPass()
		}
		return false, nil
	case err == io.EOF:
		return c.rest(last)
	case err == nil:
		err = errors.New("no message and no error")
	}
	return false, fmt.Errorf("read: %w", err)
}
