package life

import (
	"cmp"
	"log/slog"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// How long inputs and outputs have to close, which they do after everything else has ended.
const CloseTimeout = 5 * time.Second

// Life is one life of a pipeline, as all of its goroutines see it: when it ends, and whom to tell.
type Life struct {
	tries.Ends
	Log   *slog.Logger
	NewID func() string
	Fail  func(error) // stops the pipeline because it is broken; the first cause counts

	name     string
	observer engine.Observer
	mu       sync.Mutex
	said     map[string]time.Time // when the log last had what is said once a minute
}

// New begins a life. Its ends, and fail, are set before anything is started.
func New(name string, log *slog.Logger, observer engine.Observer, newID func() string) *Life {
	l := &Life{name: name, Log: cmp.Or(log, slog.New(slog.DiscardHandler)), observer: observer, NewID: newID, said: map[string]time.Time{}}
	if l.NewID == nil {
		l.NewID = engine.NewID
	}
	return l
}

// Observe tells the observer, with the pipeline's name.
func (l *Life) Observe(e engine.Event) {
	if l.observer != nil {
		e.Pipeline = l.name
		l.observer.Observe(e)
	}
}

// Send passes a batch on. It returns false at the hard end: the batch then stays unsettled.
func (l *Life) Send(to chan<- *engine.Batch, b *engine.Batch) bool {
	select {
	case to <- b:
		return true
	case <-l.Hard.Done():
		return false
	}
}

// seldom reports whether something may be said again: once a minute, for a poisonous stream must not flood the log.
func (l *Life) seldom(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.said[what]) < time.Minute {
		return false
	}
	l.said[what] = time.Now()
	return true
}

// LogPanic says that a plugin panicked, with the stack, once a minute for each.
func (l *Life) LogPanic(plugin string, err error) {
	if stack, ok := fault.Panicked(err); ok && l.seldom("panic "+plugin) {
		l.Log.Error("plugin panicked; this is a bug in the plugin", "plugin", plugin, "error", err, "stack", string(stack))
	}
}

// LogPassedOn says, once a minute for each input, that what it rejected goes on, because there is no dead letter for it.
func (l *Life) LogPassedOn(plugin string, messages int, why error) {
	if messages > 0 && l.seldom("passed on "+plugin) {
		l.Log.Warn("messages go on as they came: there is no dead_letter for them", "plugin", plugin, "messages", messages, "error", why)
	}
}
