package engine

import (
	"cmp"
	"log/slog"
	"sync"
	"time"
)

// How long inputs and outputs have to close, which they do after everything else has ended.
const closeTimeout = 5 * time.Second

// life is one life of a pipeline, as all of its goroutines see it: when it ends, and whom to tell.
type life struct {
	ends
	log   *slog.Logger
	newID func() string
	fail  func(error) // stops the pipeline because it is broken; the first cause counts

	name     string
	observer Observer
	mu       sync.Mutex
	panics   map[string]time.Time // when the log last had one of a plugin
}

// newLife begins a life. Its ends, and fail, are set before anything is started.
func newLife(name string, log *slog.Logger, observer Observer, newID func() string) *life {
	l := &life{name: name, log: cmp.Or(log, slog.New(slog.DiscardHandler)), observer: observer, newID: newID, panics: map[string]time.Time{}}
	if l.newID == nil {
		l.newID = NewID
	}
	return l
}

// observe tells the observer, with the pipeline's name.
func (l *life) observe(e Event) {
	if l.observer != nil {
		e.Pipeline = l.name
		l.observer.Observe(e)
	}
}

// send passes a batch on. It returns false at the hard end: the batch then stays unsettled.
func (l *life) send(to chan<- *Batch, b *Batch) bool {
	select {
	case to <- b:
		return true
	case <-l.hard.Done():
		return false
	}
}

// logPanic says that a plugin panicked, with the stack, once a minute for each: a poisonous stream must not flood the log.
func (l *life) logPanic(plugin string, err error) {
	l.mu.Lock()
	quiet := time.Since(l.panics[plugin]) < time.Minute
	if !quiet {
		l.panics[plugin] = time.Now()
	}
	l.mu.Unlock()
	if stack, ok := panicked(err); ok && !quiet {
		l.log.Error("plugin panicked; this is a bug in the plugin", "plugin", plugin, "error", err, "stack", string(stack))
	}
}
