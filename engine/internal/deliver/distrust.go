package deliver

import (
	"errors"
	"fmt"
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/settle"
)

// saved is a batch as it was before a plugin had it.
type saved struct{ messages []engine.Message }

var saves = sync.Pool{New: func() any { return &saved{} }}

func savedMessages(messages []engine.Message) *saved {
	s := saves.Get().(*saved)
	s.messages = append(s.messages[:0], messages...)
	return s
}

func (s *saved) free() {
	clear(s.messages)
	saves.Put(s)
}

// same reports whether these are the same messages in the same places, down to the memory of their bodies.
func (s *saved) same(messages []engine.Message) bool {
	for i := range messages {
		was, is := &s.messages[i], &messages[i]
		if settle.ReceiptOf(was) != settle.ReceiptOf(is) || len(was.Body) != len(is.Body) || len(is.Body) > 0 && &was.Body[0] != &is.Body[0] {
			return false
		}
	}
	return true
}

// distrust looks for an answer that cannot be believed: a batch that was changed, or failures of messages that it does not have. Nothing
// of such a batch counts as stored.
func (a *Attempt) distrust(b *engine.Batch, before *saved, err error) error {
	had := len(before.messages)
	if len(b.Messages) != had {
		return fmt.Errorf("%s changed the number of messages of a batch from %d to %d; it must use Reject", a.Name, had, len(b.Messages))
	}
	if !before.same(b.Messages) {
		return fmt.Errorf("%s changed the messages of a batch, which an output must leave alone", a.Name)
	}
	var partial *engine.WriteError
	if errors.As(err, &partial) {
		for _, f := range partial.Failed {
			if f.Index < 0 || f.Index >= had || f.Err == nil {
				return fmt.Errorf("%s says that message %d of %d failed with the error %v", a.Name, f.Index, had, f.Err)
			}
		}
	}
	return nil
}
