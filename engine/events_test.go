package engine_test

import (
	"sync"

	"github.com/logpipe/logpipe/engine"
)

// events is an observer that keeps everything.
type events struct {
	mu  sync.Mutex
	all []engine.Event
}

func (e *events) Observe(event engine.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// sum is the number of messages of all events of a kind.
func (e *events) sum(kind engine.EventKind) int {
	n := 0
	for _, event := range e.of(kind) {
		n += event.Messages
	}
	return n
}

func (e *events) of(kind engine.EventKind) []engine.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []engine.Event
	for _, event := range e.all {
		if event.Kind == kind {
			found = append(found, event)
		}
	}
	return found
}
