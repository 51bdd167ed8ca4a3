package enginetest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
)

// Ledger records what became of each message, named by its body: bodies of one test must differ. It is safe for concurrent use.
type Ledger struct {
	// Needs says in which places a message must be: in one of each group. nil: one place is enough, whichever.
	Needs func(body string) [][]string

	mu         sync.Mutex
	sent       map[string]bool
	settled    map[string]map[string]int // body → place → copies there; a drop is a place
	parts      map[string][]string
	acked      map[string]int
	violations []string
}

// NewLedger returns an empty one.
func NewLedger() *Ledger {
	return &Ledger{
		sent: map[string]bool{}, settled: map[string]map[string]int{},
		parts: map[string][]string{}, acked: map[string]int{},
	}
}

// Sent records that a source has the message.
func (l *Ledger) Sent(body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[body] = true
}

// Settled records that a message is durable in a place, or was dropped on purpose.
func (l *Ledger) Settled(body, where string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.settled[body] == nil {
		l.settled[body] = map[string]int{}
	}
	l.settled[body][where]++
}

// Gone records that one copy of a message left a place. That it is durable elsewhere by then is the law for a fallback.
func (l *Ledger) Gone(body, where string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.settled[body][where]--; l.settled[body][where] == 0 {
		delete(l.settled[body], where)
	}
	if !l.isSettledBeside(body, where) {
		l.violations = append(l.violations, fmt.Sprintf("message %q left the %s before it was durable elsewhere", body, where))
	}
}

// Split records that a message became others: it is settled when they are.
func (l *Ledger) Split(body string, parts ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts[body] = parts
}

// Acked records that the source was told to forget the message. That it is durable by then is the first law.
func (l *Ledger) Acked(body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isSettled(body) {
		l.violations = append(l.violations, fmt.Sprintf("message %q was acked before it was durable", body))
	}
	l.acked[body]++
}

// Violation records a broken law.
func (l *Ledger) Violation(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, fmt.Sprintf(format, args...))
}

// IsSettled reports whether the message, or each of its parts, is durable somewhere or dropped.
func (l *Ledger) IsSettled(body string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isSettled(body)
}

func (l *Ledger) isSettled(body string) bool {
	if parts, ok := l.parts[body]; ok {
		for _, p := range parts {
			if !l.isSettled(p) {
				return false
			}
		}
		return true
	}
	if l.Needs == nil {
		return len(l.settled[body]) > 0
	}
	for _, group := range l.Needs(body) {
		if !l.isIn(body, group) {
			return false
		}
	}
	return true
}

// isSettledBeside asks for those places alone that could be in the place of where.
func (l *Ledger) isSettledBeside(body, where string) bool {
	if l.Needs == nil {
		return l.isSettled(body)
	}
	for _, group := range l.Needs(body) {
		if slices.Contains(group, where) && !l.isIn(body, group) {
			return false
		}
	}
	return true
}

func (l *Ledger) isIn(body string, group []string) bool {
	return slices.ContainsFunc(group, func(place string) bool { return l.settled[body][place] > 0 })
}

// Check fails the test for every broken law, and, when everything must be settled by now, for each message that is not.
func (l *Ledger) Check(t testing.TB, allSettled bool) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.violations {
		t.Error(v)
	}
	if !allSettled {
		return
	}
	for _, body := range slices.Sorted(maps.Keys(l.sent)) {
		if !l.isSettled(body) {
			t.Errorf("message %q is lost: neither written nor dead-lettered nor dropped", body)
		}
		if l.acked[body] == 0 {
			t.Errorf("message %q was never acked", body)
		}
	}
}
