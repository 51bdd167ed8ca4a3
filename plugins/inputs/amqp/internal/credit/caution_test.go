package credit

import (
	"testing"
)

// line is a queue in front of one reader, whose broker ends the connection at some messages. It counts what each message is delivered.
type line struct {
	bad        map[int]bool
	limit      int // deliveries after which the broker takes a message out
	deliveries map[int]int
	waiting    []int
	alone      int // ends in which nothing else was delivered
}

// session delivers until the connection ends, or all is acked. The oldest message is acked when the prefetch is used up.
func (l *line) session(c *Credit) (ended bool) {
	prefetch := c.Begin()
	unacked := 0
	for {
		for unacked < prefetch && unacked < len(l.waiting) {
			m := l.waiting[unacked]
			unacked++
			if l.bad[m] {
				for _, one := range l.waiting[:unacked] {
					l.deliveries[one]++
				}
				if unacked == 1 {
					l.alone++
				}
				l.waiting = dropWorn(l.waiting, l.deliveries, l.limit)
				c.caution.Alarm(prefetch)
				return true
			}
			came(c, 100)
		}
		if unacked == 0 {
			return false
		}
		l.waiting = l.waiting[1:]
		unacked--
		c.Give(1, 100)
		if c.Due() != Same {
			prefetch = max(prefetch, c.next()) // as after a subscription anew
			c.prefetch, c.got = prefetch, unacked
		}
	}
}

func dropWorn(waiting []int, deliveries map[int]int, limit int) (left []int) {
	for _, m := range waiting {
		if deliveries[m] < limit {
			left = append(left, m)
		}
	}
	return left
}

// A queue with a delivery limit deletes what is delivered too often. If a message that cannot be delivered took its neighbours with it, good
// ones would be deleted with it.
func TestGoodMessagesDoNotPayForOneThatCannotBeDelivered(t *testing.T) {
	for name, bad := range map[string][]int{"first": {0}, "in the middle": {521}, "last": {799}, "two": {300, 301}, "each hundredth": every(100, 800)} {
		for _, limit := range []int64{0, 64 << 20} {
			l := line{bad: map[int]bool{}, limit: 20, deliveries: map[int]int{}}
			for _, m := range bad {
				l.bad[m] = true
			}
			for m := range 800 {
				l.waiting = append(l.waiting, m)
			}
			shared := &Caution{}
			for tries := 0; ; tries++ {
				c := New(400, limit, 100, &Caution{})
				c.caution = shared
				if !l.session(c) {
					break
				}
				if tries > 100_000 {
					t.Fatalf("%s: it does not end: %d are left", name, len(l.waiting))
				}
			}
			worst := 0
			for m, n := range l.deliveries {
				if !l.bad[m] {
					worst = max(worst, n)
				}
			}
			if worst > 10 { // half of the limit
				t.Errorf("%s: a good message was delivered %d times beyond its own", name, worst)
			}
			if l.alone < len(bad) {
				t.Errorf("%s: %d of %d came alone", name, l.alone, len(bad))
			}
		}
	}
}

func every(n, most int) (all []int) {
	for m := n / 2; m < most; m += n {
		all = append(all, m)
	}
	return all
}

// When nothing is wrong any more, the input must be as fast as before.
func TestCautionEnds(t *testing.T) {
	var c Caution
	c.Alarm(1000)
	if got := c.Bound(1000); got != 125 {
		t.Errorf("after the first end %d messages are asked for, want 125", got)
	}
	c.Alarm(125)
	c.Alarm(15)
	c.Alarm(1)
	if got := c.Bound(1000); got != 1 {
		t.Errorf("after four ends %d messages are asked for, want 1", got)
	}
	for settled := 0; c.Bound(1000) < 1000; settled++ {
		if settled > 8*1000 {
			t.Fatalf("after %d acks %d messages are asked for", settled, c.Bound(1000))
		}
		c.Settled(1)
	}
}
