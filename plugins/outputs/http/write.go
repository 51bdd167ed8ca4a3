package http

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// write is one call of Write: a batch that is sent as a whole, or in smaller and smaller parts when the receiver refuses it.
type write struct {
	o      *output
	ctx    context.Context
	b      *engine.Batch
	target string

	requests int
	taken    int              // messages
	failed   []engine.Failure // ascending
	refused  map[int]bool     // those of failed that were refused alone
	stop     error            // not about the messages: nothing more is sent
}

const (
	// mostRequests bounds what one Write asks of a receiver that refuses much. The next one goes on with what is left.
	mostRequests = 64
	// mostInVain bounds it for one that takes nothing at all, which is no fault of the messages.
	mostInVain = 16
)

// part sends the messages at these places.
func (w *write) part(at []int) {
	if len(at) == 0 {
		return
	}
	if w.stop == nil && (w.requests >= mostRequests || w.requests >= mostInVain && w.taken == 0 && !w.o.trusted()) {
		w.stop = fmt.Errorf("the server refuses much of the batch: %d requests were enough for now", w.requests)
		if len(w.failed) > 0 {
			w.stop = fmt.Errorf("%w; the last answer was: %w", w.stop, w.failed[len(w.failed)-1].Err)
		}
	}
	if w.stop != nil {
		w.fail(at, w.stop)
		return
	}
	w.requests++
	err := w.o.post(w.ctx, w.target, w.b, at)
	switch {
	case err == nil:
		w.taken += len(at)
		now := time.Now()
		w.o.lastTaken.Store(&now)
	case !aboutMessages(err):
		w.stop = err
		w.fail(at, err)
	case len(at) == 1:
		if w.refused == nil {
			w.refused = map[int]bool{}
		}
		w.refused[at[0]] = true
		w.fail(at, err)
	default:
		w.part(at[:len(at)/2])
		w.part(at[len(at)/2:])
	}
}

func (w *write) fail(at []int, err error) {
	for _, i := range at {
		w.failed = append(w.failed, engine.Failure{Index: i, Err: err})
	}
}

// result is what Write returns. A message that was refused alone is permanent if others were taken.
func (w *write) result() error {
	if len(w.failed) == 0 {
		return nil
	}
	believed := w.taken > 0 || w.o.trusted()
	permanent := 0
	for i := range w.failed {
		f := &w.failed[i]
		switch {
		case !w.refused[f.Index]:
		case believed:
			f.Err = engine.Permanent(f.Err)
			permanent++
		default:
			f.Err = fmt.Errorf("%w; it has taken nothing for a while, so this may be no fault of the message", f.Err)
		}
	}
	if w.taken == 0 && permanent == 0 {
		return w.failed[0].Err // nothing is stored, and the batch stays as it is
	}
	return &engine.WriteError{Failed: w.failed}
}

// aboutMessages says whether an answer may be about what was sent, and not about the receiver or who may send.
func aboutMessages(err error) bool {
	a, ok := err.(*refusal)
	if !ok {
		return false
	}
	switch a.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}
