package admin

import (
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// lookTimeout is how long a pipeline may take to tell its state. It holds a few locks for a moment; a second means that something holds
// one for ever.
const lookTimeout = time.Second

// looks asks pipelines for their state, and does not wait for ever for one that is stuck. The zero value is ready. However often a
// stuck one is looked at, one goroutine waits for it.
type looks struct {
	mu  sync.Mutex
	now map[*stats.Pipeline]*look
}

// look is one question on its way.
type look struct {
	done  chan struct{}
	state engine.State
}

// seen is the state of a pipeline; ok says that there is one.
type seen struct {
	engine.State
	ok bool
}

// all looks at pipelines, all within one timeout.
func (l *looks) all(pipelines []*stats.Pipeline) []seen {
	asked := make([]*look, len(pipelines))
	for i, p := range pipelines {
		asked[i] = l.ask(p)
	}
	states := make([]seen, len(pipelines))
	patience := time.NewTimer(lookTimeout)
	defer patience.Stop()
	over := false
	for i, q := range asked {
		if !over {
			select {
			case <-q.done:
			case <-patience.C:
				over = true
			}
		}
		select {
		case <-q.done:
			states[i] = seen{q.state, true}
		default:
		}
	}
	return states
}

func (l *looks) ask(p *stats.Pipeline) *look {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q := l.now[p]; q != nil {
		return q
	}
	q := &look{done: make(chan struct{})}
	if l.now == nil {
		l.now = map[*stats.Pipeline]*look{}
	}
	l.now[p] = q
	go func() {
		state := p.State()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.now, p)
		q.state = state
		close(q.done)
	}()
	return q
}
