package engine

import (
	"slices"
	"time"
)

// leastGap is the least time between two tries in an outage.
const leastGap = 50 * time.Millisecond

// later keeps what failed and is tried again, each with a back-off of its own: whoever else fails, one is tried when its time has come.
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
type later[T any] struct {
	first, most time.Duration // of each back-off
	gaps        backoff       // between two tries in an outage, of which ten items share one

	waiting []*waiting[T] // the one that is due first is first
	outage  bool          // a doubtful one failed, and nothing was stored since
	gap     time.Time     // in an outage: nothing is tried before
	freely  int           // so many are tried without a gap
}

type waiting[T any] struct {
	item   T
	mark   uint64 // of the evidence, before it was tried for the first time
	guilty bool
	wait   backoff
	due    time.Time
}

// newLater makes an empty one, of items with back-offs like of.
func newLater[T any](of, gaps backoff) later[T] {
	return later[T]{first: of.first, most: of.most, gaps: gaps}
}

// add takes an item that has just failed for the first time.
func (l *later[T]) add(item T, mark uint64, guilty bool) {
	l.back(&waiting[T]{item: item, mark: mark, wait: backoff{first: l.first, most: l.most}}, guilty)
}

// back takes an item that has just failed.
func (l *later[T]) back(w *waiting[T], guilty bool) {
	now := time.Now()
	w.guilty = guilty
	w.due = now.Add(w.wait.delay())
	switch {
	case guilty:
	case l.freely > 0:
		l.outage = true
		l.freely--
	default:
		l.outage, l.gap = true, now.Add(max(leastGap, l.gaps.delay()/time.Duration(1+len(l.waiting)/10)))
	}
	l.put(w)
}

// put keeps the order.
func (l *later[T]) put(w *waiting[T]) {
	at, _ := slices.BinarySearchFunc(l.waiting, w, func(a, b *waiting[T]) int {
		if a.due.After(b.due) {
			return 1
		}
		return -1 // behind those that are due at the same time
	})
	l.waiting = slices.Insert(l.waiting, at, w)
}

// pop returns the item that is due, nil if none is.
func (l *later[T]) pop() *waiting[T] {
	if at, some := l.next(); !some || time.Until(at) > 0 {
		return nil
	}
	w := l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	return w
}

// next is when one is to be tried.
func (l *later[T]) next() (at time.Time, some bool) {
	if len(l.waiting) == 0 {
		return time.Time{}, false
	}
	at = l.waiting[0].due
	if l.outage && at.Before(l.gap) {
		at = l.gap
	}
	return at, true
}

// well says that something was stored. When that ends an outage, what failed because of it is due at once.
func (l *later[T]) well() {
	if !l.outage {
		return
	}
	l.outage = false
	l.gaps.reset()
	l.hurry(func(w *waiting[T]) bool { return !w.guilty })
}

// all makes everything due, because the pipeline stops: it must not be found waiting.
func (l *later[T]) all() {
	l.gap, l.freely = time.Time{}, len(l.waiting)
	l.gaps.reset()
	l.hurry(func(*waiting[T]) bool { return true })
}

// hurry makes those due that are chosen, and keeps their order.
func (l *later[T]) hurry(chosen func(*waiting[T]) bool) {
	now := time.Now()
	for _, w := range l.waiting {
		if chosen(w) && w.due.After(now) {
			w.due = now
			w.wait.reset()
		}
	}
	slices.SortStableFunc(l.waiting, func(a, b *waiting[T]) int { return a.due.Compare(b.due) })
}

// keep lets those go that stay does not want.
func (l *later[T]) keep(stay func(T) bool) {
	l.waiting = slices.DeleteFunc(l.waiting, func(w *waiting[T]) bool { return !stay(w.item) })
}
