package amqp

import (
	"testing"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// came takes one message of a size.
func came(c *credit, size int) { c.take([]rabbitmq.Incoming{{Size: size}}) }

// receive takes bodies of a size until the subscription shall change, at most n, and returns how many it took.
func receive(c *credit, n, size int) int {
	for i := range n {
		came(c, size)
		if c.change() {
			return i + 1
		}
	}
	return n
}

// Thousands of large messages must not come at once just because small ones were expected.
func TestCreditBeginsCarefullyAndGrows(t *testing.T) {
	c := newCredit(5000, 64<<20)
	if p := c.begin(); p != 81 {
		t.Errorf("before the first message the prefetch is %d", p)
	}
	if n := receive(c, 1000, 200); n != 81 {
		t.Errorf("small bodies change the prefetch after %d messages", n)
	}
	if p := c.begin(); p != 5000 {
		t.Errorf("with small bodies the prefetch is %d", p)
	}
	if n := receive(c, 20000, 200); n != 20000 {
		t.Error("a prefetch that is as large as allowed changes")
	}
}

// When bodies become large, what is held stays within the limit and one prefetch.
func TestCreditShrinksAndGrowsAgain(t *testing.T) {
	const limit = 1 << 20
	c := newCredit(1000, limit)
	c.begin()
	receive(c, 1000, 100)
	if p := c.begin(); p != 1000 {
		t.Fatalf("prefetch %d", p)
	}
	c.give(c.messages, c.held)
	n := receive(c, 1000, 100<<10)
	if n > 12 {
		t.Errorf("%d bodies of 100 KiB came before the limit of 1 MiB was seen", n)
	}
	for range 1000 - n {
		came(c, 100<<10) // the broker had sent them already
	}
	if c.room() {
		t.Error("100 times the limit is held, and there is room")
	}
	for c.held > limit {
		if c.give(1, 100<<10) != (c.held <= limit) {
			t.Error("give does not tell when there is room again")
		}
	}
	p := c.begin()
	if p < 10 || p > 14 {
		t.Errorf("prefetch %d does not fit bodies of 100 KiB into 1 MiB", p)
	}
	for range 1000 {
		c.give(1, 100<<10)
		came(c, 100<<10)
		if c.change() {
			t.Fatal("a prefetch that fits changes")
		}
	}
	c.held = 0
	p = c.begin()
	steps := 0 // without any settlement in between: a batch may wait for more
	for ; p < 1000 && steps < 20; steps++ {
		if n := receive(c, p, 100); n < p {
			t.Fatalf("the prefetch of %d changes after %d small bodies", p, n)
		}
		if !c.change() {
			t.Fatalf("the prefetch of %d is used up by small bodies, and does not grow", p)
		}
		p = c.begin()
	}
	if p < 1000 {
		t.Errorf("bodies are small again, and after %d steps the prefetch is %d", steps, p)
	}
}

// A batch may wait for more messages than the prefetch lets come. As long as the limit has room the prefetch must grow then, whatever
// came before.
func TestCreditDoesNotStarveABatch(t *testing.T) {
	const limit = 1 << 20
	for p := 1; p < 500; p++ {
		for _, large := range []int{0, 1000, 100 << 10, 5 << 20} {
			c := newCredit(500, limit)
			c.average, c.prefetch = float64(large), p
			if large < limit {
				came(c, large) // is still here, as a part of the batch
			}
			if n := receive(c, p, 10); !c.change() {
				t.Fatalf("after bodies of %d bytes the prefetch of %d is used up by %d small ones, and does not grow", large, p, n)
			}
			if next := c.begin(); next <= p {
				t.Fatalf("after bodies of %d bytes the prefetch of %d changes to %d", large, p, next)
			}
		}
	}
}

// A body larger than the limit still comes, alone.
func TestCreditOfHugeBodies(t *testing.T) {
	c := newCredit(100, 1000)
	for range 200 {
		c.begin()
		came(c, 1<<30)
		if c.change() && c.wanted() >= c.prefetch {
			t.Fatal("the subscription ends without another prefetch")
		}
		c.give(1, 1<<30)
	}
	if p := c.begin(); p != 1 {
		t.Errorf("prefetch %d", p)
	}
}

func TestCreditWithoutLimit(t *testing.T) {
	c := newCredit(300, 0)
	if p := c.begin(); p != 300 {
		t.Errorf("prefetch %d", p)
	}
	if receive(c, 1000, 1<<20) != 1000 || !c.room() || c.give(1, 1<<20) {
		t.Error("without a limit something is limited")
	}
}
