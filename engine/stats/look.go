package stats

import (
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine/flow"
)

// LookTimeout is how long a pipeline may take to tell its state. It holds a few locks for a moment and asks its plugins for their gauges, which
// they have in memory; a second means that something hangs.
const LookTimeout = time.Second

// Seen is the state of a pipeline. Where it is not OK the pipeline did not tell it within LookTimeout, and the state is the last that it told.
type Seen struct {
	flow.State
	OK bool // it is of this moment
}

// State is what the pipeline is at this moment. It does not wait for ever for one that hangs.
func (p *Pipeline) State() Seen { return p.looks.ask(p.current.Load()).answer() }

// States looks at several pipelines, all within one timeout.
func States(pipelines []*Pipeline) []Seen {
	asked := make([]question, len(pipelines))
	for i, p := range pipelines {
		asked[i] = p.looks.ask(p.current.Load())
	}
	states := make([]Seen, len(pipelines))
	for i, q := range asked {
		states[i] = q.answer()
	}
	return states
}

// looks asks one pipeline for its state. However often one that hangs is looked at, one goroutine of each of its lives waits for it, and who
// looks again does not wait again.
type looks struct {
	mu   sync.Mutex
	now  *look      // on its way
	last flow.State // that was told
}

// look is one question on its way.
type look struct {
	of    *flow.Pipeline // a new life of the pipeline is asked anew
	since time.Time
	done  chan struct{}
	state flow.State
}

// question is a look, and what was told before it.
type question struct {
	*look
	last flow.State
}

func (l *looks) ask(of *flow.Pipeline) question {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil && l.now.of == of {
		return question{l.now, l.last}
	}
	q := &look{of: of, since: time.Now(), done: make(chan struct{})}
	if of == nil {
		close(q.done)
		return question{q, l.last}
	}
	l.now = q
	go func() {
		state := of.State()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.now == q {
			l.now, l.last = nil, state
		}
		q.state = state
		close(q.done)
	}()
	return question{q, l.last}
}

func (q question) answer() Seen {
	select {
	case <-q.done:
		return Seen{q.state, true}
	default:
	}
	patience := time.NewTimer(time.Until(q.since.Add(LookTimeout)))
	defer patience.Stop()
	select {
	case <-q.done:
		return Seen{q.state, true}
	case <-patience.C:
		return Seen{q.last, false}
	}
}
