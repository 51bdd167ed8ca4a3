// Package generator is the input that makes log records up, for demos and for load.
package generator

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Makes log records, for demos, tests and load.

A record is {"timestamp":…,"source":…,"event":…,"count":…,"seq":…}: source is one of app1, app2 and app3, event one of
login_failed, high-cpu and new_user, count is from 1 to 5, and seq numbers the records. With a rate, what could not be
taken in time is made up for, but for no more than one second. When the process ends the generator forgets where it was.`

// Plugin is the input "generator".
var Plugin = engine.NewInput("generator", doc, Defaults, New)

// New makes the input.
func New(c Config, _ engine.Env) (engine.Input, error) {
	g := &generator{Config: c, records: newRecords(c), next: c.Start, end: math.MaxInt}
	if c.Count > 0 {
		g.end = c.Start + c.Count
	}
	return g, nil
}

// span is a chunk: the records from first up to but not including end, and when they were first made.
type span struct {
	first, end int
	at         time.Time
}

// generator is a source that cannot be lost, but behaves like one that can: a chunk that was not acked when the input was
// closed is made again, byte for byte, after the next Open.
type generator struct {
	Config
	records *records
	pace    pace
	next    int // the seq of the next new record
	end     int // the seq behind the last one

	mu      sync.Mutex // Ack runs beside Read
	tag     uint64
	unacked map[uint64]span
	again   []span // left unacked by an earlier Open
}

// Open begins to count tags and time anew.
func (g *generator) Open(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tag, g.unacked = 0, make(map[uint64]span)
	g.pace = pace{rate: g.Rate}
	return nil
}

// Read makes the next chunk, as soon as its first record is due.
func (g *generator) Read(ctx context.Context, b *engine.Batch) error {
	limit := g.left()
	if limit == 0 {
		return io.EOF
	}
	n, err := g.pace.take(ctx, min(limit, g.records.perChunk))
	if err != nil {
		return err
	}
	s := g.claim(b, n)
	b.Messages = g.records.append(b.Messages, s)
	return nil
}

// left is how many records can be in the next chunk.
func (g *generator) left() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.again) > 0 {
		return g.again[0].end - g.again[0].first
	}
	return g.end - g.next
}

// claim takes the next n records for the chunk b.
func (g *generator) claim(b *engine.Batch, n int) span {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := span{g.next, g.next + n, time.Now()}
	if len(g.again) > 0 {
		s = g.again[0]
		s.end = s.first + n
		if g.again[0].first = s.end; s.end == g.again[0].end {
			g.again = g.again[1:]
		}
	} else {
		g.next = s.end
	}
	g.tag++
	b.Tag = g.tag
	g.unacked[g.tag] = s
	return s
}

// Ack forgets chunks.
func (g *generator) Ack(_ context.Context, tags []uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, tag := range tags {
		if _, ok := g.unacked[tag]; !ok {
			return fmt.Errorf("ack: no chunk of tag %d is unacked", tag)
		}
		delete(g.unacked, tag)
	}
	return nil
}

// Close takes back what is unacked.
func (g *generator) Close(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.unacked {
		g.again = append(g.again, s)
	}
	g.unacked = nil
	slices.SortFunc(g.again, func(a, b span) int { return a.first - b.first })
	return nil
}
