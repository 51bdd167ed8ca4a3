package tries

import (
	"slices"
	"time"
)

// leastGap is the least time between two tries in an outage.
const leastGap = 50 * time.Millisecond

// Later keeps what failed and is tried again, each with a back-off of its own: whoever else fails, one is tried when its time has come.
// It has no goroutine and no lock; its owner brings both.
//
// In an outage there is a gap between two tries as well, because a server that is down must not be asked for each of a thousand
// batches. It shrinks with their number, so that each is tried within ten of the greatest gaps.
//
//	state of an item   how it comes there            when it is tried again
//	doubtful           failed, and nothing was       by its back-off, and at once when an outage is over
//	                   stored meanwhile
//	guilty             failed, although others       by its back-off alone
//	                   were stored meanwhile
type Later[T any] struct {
	first, most time.Duration // of each back-off
	gaps        Backoff       // between two tries in an outage, of which ten items share one

	Waiting []*Waiting[T] // the one that is due first is first
	outage  bool          // a doubtful one failed, and nothing was stored since
	gap     time.Time     // in an outage: nothing is tried before
	freely  int           // so many are tried without a gap
}

type Waiting[T any] struct {
	Item   T
	Mark   uint64 // of the evidence, before it was tried for the first time
	Guilty bool
	wait   Backoff
	due    time.Time
}

// NewLater makes an empty one, of items with back-offs like of.
func NewLater[T any](of, gaps Backoff) Later[T] {
	return Later[T]{first: of.First, most: of.Most, gaps: gaps}
}

// Add takes an item that has just failed for the first time.
func (l *Later[T]) Add(item T, mark uint64, guilty bool) {
	l.Back(&Waiting[T]{Item: item, Mark: mark, wait: Backoff{First: l.first, Most: l.most}}, guilty)
}

// Back takes an item that has just failed.
func (l *Later[T]) Back(w *Waiting[T], guilty bool) {
	now := time.Now()
	w.Guilty = guilty
	w.due = now.Add(w.wait.Delay())
	switch {
	case guilty:
	case l.freely > 0:
		l.outage = true
		l.freely--
	default:
		l.outage, l.gap = true, now.Add(max(leastGap, l.gaps.Delay()/time.Duration(1+len(l.Waiting)/10)))
	}
	l.put(w)
}

// put keeps the order.
func (l *Later[T]) put(w *Waiting[T]) {
	at, _ := slices.BinarySearchFunc(l.Waiting, w, func(a, b *Waiting[T]) int {
		if a.due.After(b.due) {
			return 1
		}
		return -1 // behind those that are due at the same time
	})
	l.Waiting = slices.Insert(l.Waiting, at, w)
}

// Pop returns the item that is due, nil if none is.
func (l *Later[T]) Pop() *Waiting[T] {
	if at, some := l.Next(); !some || time.Until(at) > 0 {
		return nil
	}
	w := l.Waiting[0]
	l.Waiting = slices.Delete(l.Waiting, 0, 1)
	return w
}

// Next is when one is to be tried.
func (l *Later[T]) Next() (at time.Time, some bool) {
	if len(l.Waiting) == 0 {
		return time.Time{}, false
	}
	at = l.Waiting[0].due
	if l.outage && at.Before(l.gap) {
		at = l.gap
	}
	return at, true
}

// Well says that something was stored. When that ends an outage, what failed because of it is due at once.
func (l *Later[T]) Well() {
	if !l.outage {
		return
	}
	l.outage = false
	l.gaps.Reset()
	l.hurry(func(w *Waiting[T]) bool { return !w.Guilty })
}

// All makes everything due, because the pipeline stops: it must not be found waiting.
func (l *Later[T]) All() {
	l.gap, l.freely = time.Time{}, len(l.Waiting)
	l.gaps.Reset()
	l.hurry(func(*Waiting[T]) bool { return true })
}

// hurry makes those due that are chosen, and keeps their order.
func (l *Later[T]) hurry(chosen func(*Waiting[T]) bool) {
	now := time.Now()
	for _, w := range l.Waiting {
		if chosen(w) && w.due.After(now) {
			w.due = now
			w.wait.Reset()
		}
	}
	slices.SortStableFunc(l.Waiting, func(a, b *Waiting[T]) int { return a.due.Compare(b.due) })
}

// Keep lets those go that stay does not want.
func (l *Later[T]) Keep(stay func(T) bool) {
	l.Waiting = slices.DeleteFunc(l.Waiting, func(w *Waiting[T]) bool { return !stay(w.Item) })
}
