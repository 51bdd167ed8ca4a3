package amqp

import (
	"log/slog"
	"strings"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
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
func (l *line) session(c *credit) (ended bool) {
	prefetch := c.begin()
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
				c.caution.alarm(prefetch)
				return true
			}
			came(c, 100)
		}
		if unacked == 0 {
			return false
		}
		l.waiting = l.waiting[1:]
		unacked--
		c.give(1, 100)
		if c.due() != same {
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
			shared := &caution{}
			for tries := 0; ; tries++ {
				c := newCredit(400, limit, 100)
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
	var c caution
	c.alarm(1000)
	if got := c.bound(1000); got != 125 {
		t.Errorf("after the first end %d messages are asked for, want 125", got)
	}
	c.alarm(125)
	c.alarm(15)
	c.alarm(1)
	if got := c.bound(1000); got != 1 {
		t.Errorf("after four ends %d messages are asked for, want 1", got)
	}
	for settled := 0; c.bound(1000) < 1000; settled++ {
		if settled > 8*1000 {
			t.Fatalf("after %d acks %d messages are asked for", settled, c.bound(1000))
		}
		c.settled(1)
	}
}

// Who reads that the input is lost, again and again, must find the cause, and must not look for it where there is none.
func TestOnlyAnErrorOfTheBrokerItselfMakesCautious(t *testing.T) {
	in := &input{cfg: Config{Queue: "logs"}, env: engine.Env{Log: slog.New(slog.DiscardHandler)}, said: map[string]bool{}}
	s := newSession(in)
	c := newCredit(100, 0, 0)
	c.caution = &in.caution
	s.credits = append(s.credits, c)
	c.begin()
	for _, err := range []error{amqp091.ErrClosed, &amqp091.Error{Code: amqp091.ConnectionForced, Server: true}, &amqp091.Error{Code: amqp091.InternalError},
		&amqp091.Error{Code: amqp091.InternalError, Server: true, Reason: "INTERNAL_ERROR - timed out"}} {
		if got := s.suspect(err); got != err || in.caution.bound(100) != 100 {
			t.Errorf("%v became %v, and %d messages are asked for", err, got, in.caution.bound(100))
		}
	}
	broke := &amqp091.Error{Code: amqp091.InternalError, Server: true, Reason: "INTERNAL_ERROR"}
	if got := s.suspect(broke).Error(); !strings.Contains(got, `a message of queue "logs" may be`) {
		t.Error(got)
	}
	for c.begin() > 1 {
		s.suspect(broke)
	}
	if got := s.suspect(broke).Error(); !strings.Contains(got, `at the front of queue "logs"`) {
		t.Error(got)
	}
	came(c, 10)
	if got := s.suspect(broke).Error(); strings.Contains(got, "front") {
		t.Errorf("it came behind another one: %s", got)
	}
}
