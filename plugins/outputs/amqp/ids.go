package amqp

import (
	"crypto/rand"
	"strconv"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/logpipe/logpipe/engine"
)

// ids names messages that have no id. A message keeps its id in all attempts to publish it: one that the broker has stored before the confirm
// was lost can then be told from another one.
//
// A batch's id and a place in it would not do: what is left of a batch that was stored in part stands at other places under another
// id. So a message is known by the memory of its body, which nobody changes or copies between two attempts.
type ids struct {
	prefix string
	count  atomic.Uint64

	mu     sync.Mutex
	failed map[identity]string // of messages whose last attempt failed
}

// identity does not keep the body alive: a batch that failed may go another way.
type identity struct {
	body weak.Pointer[byte]
	size int
}

// maxFailed is how many ids are kept. Beyond it they are forgotten; a message then gets another one.
const maxFailed = 100_000

func newIDs() *ids {
	return &ids{prefix: "logpipe-" + rand.Text() + "-", failed: map[identity]string{}}
}

func identify(m *engine.Message) (identity, bool) {
	if len(m.Body) == 0 {
		return identity{}, false
	}
	return identity{weak.Make(&m.Body[0]), len(m.Body)}, true
}

// take returns the id that the message had when it failed, or a new one. An id is given away once, as two messages can share a body.
func (s *ids) take(m *engine.Message) string {
	s.mu.Lock()
	if len(s.failed) > 0 {
		if key, ok := identify(m); ok && s.failed[key] != "" {
			defer s.mu.Unlock()
			id := s.failed[key]
			delete(s.failed, key)
			return id
		}
	}
	s.mu.Unlock()
	var room [64]byte
	return string(strconv.AppendUint(append(room[:0], s.prefix...), s.count.Add(1), 36))
}

// keep notes the id of a message that was not stored, or may not be.
func (s *ids) keep(m *engine.Message, id string) {
	key, ok := identify(m)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) >= maxFailed {
		for old := range s.failed {
			if old.body.Value() == nil { // it went another way, and is gone
				delete(s.failed, old)
			}
		}
		if len(s.failed) > maxFailed/2 {
			clear(s.failed)
		}
	}
	s.failed[key] = id
}
