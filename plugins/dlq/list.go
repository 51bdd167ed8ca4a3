package dlq

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Group counts the messages that came the same way.
type Group struct {
	Origin
	Messages int       `json:"messages"`
	Bytes    int64     `json:"bytes"`           // of their bodies
	Oldest   time.Time `json:"oldest,omitzero"` // when the first of them failed, zero where nothing says
	Newest   time.Time `json:"newest,omitzero"`
}

// Groups puts messages into groups. Its memory is bounded: what comes when there are groupsMost of them counts under one group without an origin.
type Groups map[Origin]*Group

// groupsMost bounds what a producer with a routing key for each message can make of a listing.
const groupsMost = 1000

// Others is the reason of the group of those for which there was no group any more.
const Others = "(others)"

// Add counts a message. Where it is known which queue it was in, the routing key says nothing more.
func (g Groups) Add(l *Letter) {
	key := l.Origin
	if key.Queue != "" {
		key.Exchange, key.RoutingKey = "", ""
	}
	group, ok := g[key]
	if !ok && len(g) >= groupsMost {
		key = Origin{Reason: Others}
		group, ok = g[key]
	}
	if !ok {
		group = &Group{Origin: key}
		g[key] = group
	}
	group.Messages++
	group.Bytes += int64(len(l.Body))
	if l.Since.IsZero() {
		return
	}
	if group.Oldest.IsZero() || l.Since.Before(group.Oldest) {
		group.Oldest = l.Since
	}
	if l.Since.After(group.Newest) {
		group.Newest = l.Since
	}
}

// Sorted is the largest group first.
func (g Groups) Sorted() []Group {
	sorted := make([]Group, 0, len(g))
	for _, group := range g {
		sorted = append(sorted, *group)
	}
	slices.SortFunc(sorted, func(a, b Group) int {
		return cmp.Or(-cmp.Compare(a.Messages, b.Messages), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Pipeline, b.Pipeline),
			cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Exchange, b.Exchange), cmp.Compare(a.RoutingKey, b.RoutingKey))
	})
	return sorted
}

// worn is how often a message may have been returned to its queue before nothing more is looked at. A quorum queue with a delivery limit
// deletes what is returned more often than that. The broker does not tell the limit; since RabbitMQ 4 it is 20 where nothing else is set.
const worn = 15

// WornError says that looking on could make the queue delete messages.
type WornError struct{ Returned int64 }

func (e *WornError) Error() string {
	return fmt.Sprintf("stopped at a message that was returned to the queue %d times already: a queue with a delivery limit (20 on RabbitMQ 4 if nothing "+
		"else is set) deletes a message that is returned more often; if this queue has none, or a larger one, go on with --anyway", e.Returned)
}

func checkWorn(l *Letter, anyway bool) error {
	if l.Returned >= worn && !anyway {
		return &WornError{l.Returned}
	}
	return nil
}

// Look shows the messages of the queue to see, in their order and with their position from 1 on, until see returns false, most are seen, or
// the queue has no more of those that it had at the beginning. It returns how many it has seen. They stay in the queue. Unless anyway is
// set it stops with a WornError where being looked at again could cost a message.
func (r *Reader) Look(ctx context.Context, most int, anyway bool, see func(at int, l *Letter) bool) (seen int, err error) {
	for most = min(most, r.Depth); seen < most; {
		letters, err := r.Next(ctx, most-seen)
		if err != nil || len(letters) == 0 {
			return seen, err
		}
		for _, l := range letters {
			seen++
			if !see(seen, l) {
				return seen, nil
			}
		}
		for _, l := range letters {
			if err := checkWorn(l, anyway); err != nil {
				return seen, err
			}
		}
	}
	return seen, nil
}
