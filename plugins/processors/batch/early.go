package batch

import (
	"github.com/logpipe/logpipe/engine"
)

// early watches whether the limits of what is open make the batches, and not their count, bytes and age. Each batch costs a request then, however
// few messages it has, and nothing else would say so.
type early struct {
	batches, messages int            // since the last look
	by                map[string]int // of those, sealed by each limit
	said              bool
}

// lookEvery is how many batches are looked at together: enough that a burst of rare values is not most of them.
const lookEvery = 1000

func (e *early) sealed(messages int) {
	e.batches++
	e.messages += messages
}

func (e *early) limited(by string) {
	if e.by == nil {
		e.by = map[string]int{}
	}
	e.by[by]++
}

// due is the limit that most of the last batches met, "" if none did or it is said already. It begins anew.
func (e *early) due() string {
	if e.batches < lookEvery {
		return ""
	}
	all, most := 0, ""
	for _, limit := range []string{"max_partitions", "open_messages", "open_bytes"} {
		all += e.by[limit]
		if e.by[limit] > e.by[most] {
			most = limit
		}
	}
	if all*2 <= e.batches || e.said {
		*e = early{said: e.said}
		return ""
	}
	e.said = true
	return most
}

// sealEarly seals a group because of a limit.
func (r *run) sealEarly(g *group, limit string) bool {
	r.early.limited(limit)
	return r.seal(g, engine.SealedByLimit)
}

// warn says once that most batches are sealed early, and what to do about it.
func (r *run) warn(limit string) {
	next := "partition by a field of fewer values, or raise " + limit
	if limit != "open_bytes" {
		next += " and what it needs beside it: " + map[string]string{"max_partitions": "open_messages", "open_messages": "max_partitions"}[limit]
	}
	r.log.Warn("most batches are sealed by a limit, before they are full or old enough; each is a request to the store", "limit", limit,
		"batches", r.early.batches, "messages_each", r.early.messages/r.early.batches, "open", len(r.groups.byKey), "next", next)
	r.early = early{said: true}
}
