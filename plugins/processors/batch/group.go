package batch

import (
	"time"

	"github.com/logpipe/logpipe/engine"
)

// group is a batch that is still open.
type group struct {
	key       string
	partition string
	messages  []engine.Message
	bytes     int64
	due       time.Time // when it is sealed at the latest

	older, newer *group
}

// add puts m into the group. The slice grows in steps of four up to count: one group of many that stay small shall not take
// the memory of a full one.
func (g *group) add(m engine.Message, count int) {
	if n := len(g.messages); n == cap(g.messages) {
		larger := make([]engine.Message, n, min(count, max(16, 4*n)))
		copy(larger, g.messages)
		g.messages = larger
	}
	g.messages = append(g.messages, m)
	g.bytes += int64(len(m.Body))
}

// has reports whether a sweep asks for one of the messages.
func (g *group) has(asked func(*engine.Message) bool) bool {
	for i := range g.messages {
		if asked(&g.messages[i]) {
			return true
		}
	}
	return false
}

// groups are the open groups: by key, and in the order they were opened. All wait equally long, so that is also the
// order in which they are due.
type groups struct {
	byKey          map[string]*group
	oldest, newest *group
	messages       int // in all of them
	bytes          int64
}

func (gs *groups) open(g *group) {
	gs.byKey[g.key] = g
	if g.older = gs.newest; g.older == nil {
		gs.oldest = g
	} else {
		g.older.newer = g
	}
	gs.newest = g
}

func (gs *groups) remove(g *group) {
	delete(gs.byKey, g.key)
	if g.older == nil {
		gs.oldest = g.newer
	} else {
		g.older.newer = g.newer
	}
	if g.newer == nil {
		gs.newest = g.older
	} else {
		g.newer.older = g.older
	}
	gs.messages -= len(g.messages)
	gs.bytes -= g.bytes
}

// fullest returns the group with the most messages or, if bytes is set, the most bytes; the oldest of equals.
func (gs *groups) fullest(bytes bool) *group {
	most := gs.oldest
	for g := gs.oldest; g != nil; g = g.newer {
		if !bytes && len(g.messages) > len(most.messages) || bytes && g.bytes > most.bytes {
			most = g
		}
	}
	return most
}
