package file

import (
	"context"
	"sync"
)

// group lets writes that come together share one fsync, without a goroutine of its own: whoever comes first leads. The
// leader writes what is queued, answers everybody, and hands the lead to the first that came in the meantime.
type group struct {
	live *live

	mu      sync.Mutex
	queue   []*pending
	leading bool // somebody leads, and will look at the queue again
}

// pending is one write that waits.
type pending struct {
	parts [][]byte
	// answer gets one value: what became of the write, or that it is its turn to lead.
	answer chan answer
}

type answer struct {
	err  error
	lead bool
}

// write returns nil when the parts are durable in the file, one behind the other.
func (g *group) write(ctx context.Context, parts [][]byte) error {
	me := &pending{parts: parts, answer: make(chan answer, 1)}
	g.mu.Lock()
	g.queue = append(g.queue, me)
	follows := g.leading
	g.leading = true
	g.mu.Unlock()
	if follows {
		if a := <-me.answer; !a.lead {
			return a.err
		}
	}
	return g.lead(ctx, me)
}

// lead commits all that is queued, me among it.
func (g *group) lead(ctx context.Context, me *pending) error {
	g.mu.Lock()
	together := g.queue
	g.queue = nil
	g.mu.Unlock()

	var parts [][]byte
	for _, p := range together {
		parts = append(parts, p.parts...)
	}
	panicked := true
	defer func() {
		if panicked { // the others must not wait for ever; what the file ends in nobody knows
			g.live.spoil = true
			g.resign(without(together, me))
		}
	}()
	err := g.live.append(ctx, parts)
	panicked = false
	if err != nil && ctx.Err() != nil {
		// It may be this context alone that ended, while another process had the lock: the others start again.
		g.resign(without(together, me))
		return err
	}
	g.resign(nil)
	for _, p := range together {
		if p != me {
			p.answer <- answer{err: err}
		}
	}
	return err
}

// resign puts those who got no answer in front of the queue, and makes its first the leader.
func (g *group) resign(unanswered []*pending) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue = append(unanswered, g.queue...)
	if len(g.queue) == 0 {
		g.leading = false
		return
	}
	g.queue[0].answer <- answer{lead: true}
}

func without(all []*pending, one *pending) []*pending {
	var rest []*pending
	for _, p := range all {
		if p != one {
			rest = append(rest, p)
		}
	}
	return rest
}
