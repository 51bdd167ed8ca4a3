package credit

import (
	"math/rand/v2"
	"testing"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// most is the largest prefetch there is.
const most = 65535

// came takes one message of a size.
func came(c *Credit, size int) { c.Take([]rabbitmq.Incoming{{Size: size}}) }

// receive takes bodies of a size until the subscription shall change, at most n, and returns how many it took.
func receive(c *Credit, n, size int) int {
	for i := range n {
		came(c, size)
		if c.Due() != Same {
			return i + 1
		}
	}
	return n
}

// settled gives all that is here.
func settled(c *Credit) { c.Give(c.messages, c.held) }

// However large the first messages are that a broker takes, the first prefetch holds no more than the limit, and where that holds several, not fewer. With more, memory is full
// of what nobody allowed before anything was seen; with fewer, each start takes a step more.
func TestCreditBeginsWithTheLargestMessages(t *testing.T) {
	for limit, want := range map[int64]int{1 << 20: 1, 16 << 20: 1, 32 << 20: 2, 64 << 20: 4, 1 << 30: 64} {
		c := New(5000, limit, 0, &Caution{})
		if p := c.Begin(); p != want {
			t.Errorf("limit %d MiB: the first prefetch is %d, want %d", limit>>20, p, want)
		}
		for range c.prefetch {
			came(c, 16<<20)
		}
		if c.held > max(c.limit, 16<<20) {
			t.Errorf("limit %d MiB: %d bytes are held after the first subscription", limit>>20, c.held)
		}
	}
}

// Each change stops the deliveries for three round trips. A queue of small messages must not cost more than four of them, whatever the pipeline can hold; and
// after the first start none, as the size is known.
func TestCreditGrowsInFewSteps(t *testing.T) {
	for _, limit := range []int64{16 << 20, 64 << 20} {
		c := New(most, limit, 0, &Caution{})
		steps := 0
		for p := c.Begin(); p < most; p = c.Begin() {
			if n := receive(c, p, 200); n != p || c.Due() == Same { // and nothing is settled: a batch may wait for more
				t.Fatalf("limit %d MiB: the prefetch of %d changes after %d small bodies", limit>>20, p, n)
			}
			if steps++; steps > 4 {
				t.Fatalf("limit %d MiB: after %d steps the prefetch is %d", limit>>20, steps, p)
			}
		}
		if n := receive(c, 200000, 200); n != 200000 {
			t.Error("a prefetch that is as large as allowed changes")
		}
		if p := New(most, limit, c.Size(), &Caution{}).Begin(); p != most {
			t.Errorf("the next start begins with %d", p)
		}
	}
}

// The messages that a step was believed from are no fewer than one of growth of those that it asks for: if they were no sample of what comes, the broker has that many large
// ones ready for us, in its own memory.
func TestCreditBelievesASampleOnly(t *testing.T) {
	c := New(most, 16<<20, 0, &Caution{})
	for p := c.Begin(); p < 30000; {
		receive(c, p, 100)
		next := c.Begin()
		if next > 4*32*p {
			t.Fatalf("from %d messages follows a prefetch of %d", p, next)
		}
		p = next
	}
}

// Bodies of one size, none of which is settled for hours: what the prefetch lets come takes the limit, or a message more, and the connection is read on. Where it were not, the broker would end it
// after half a minute, and an outage would cost a delivery.
func TestCreditOfOneSizeIsNeverFull(t *testing.T) {
	for _, limit := range []int64{1 << 20, 32 << 20, 64 << 20} {
		for _, size := range []int{250, 4 << 10, 100 << 10, 1<<20 + 600, 8<<20 + 600, 16 << 20} {
			c := New(5000, limit, 0, &Caution{})
			for range 100 {
				p := c.Begin()
				for range p {
					if c.Full() != nil {
						t.Fatalf("limit %d MiB, bodies of %d: it is full with %d bytes, and the broker has sent more", limit>>20, size, c.held)
					}
					came(c, size)
				}
				if most := limit + limit/Slack + int64(size); c.held > most {
					t.Fatalf("limit %d MiB, bodies of %d: %d bytes are held", limit>>20, size, c.held)
				}
				if c.Due() == Same {
					break
				}
			}
			settled(c)
			for c.Due() != Same {
				c.Begin()
			}
			if want := min(5000, max(1, limit/int64(size))); int64(c.prefetch) < want/2 {
				t.Errorf("limit %d MiB, bodies of %d: the prefetch stays at %d, and %d would fit", limit>>20, size, c.prefetch, want)
			}
		}
	}
}

// Any sizes in any order, a broker that has always more, and acks that come or do not: what is held stays within the limit, a quarter of it, and one message. More is memory that nobody
// allowed.
func TestCreditNeverHoldsMore(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		limit := int64(1) << (20 + r.IntN(7))
		c := New(1+r.IntN(5000), limit, 0, &Caution{})
		c.fixed = seed%5 == 0
		var here []int64
		unsent := c.Begin() // what the broker may still send
		for range 5000 {
			size := 250
			switch r.IntN(10) {
			case 0:
				size = 1 << (8 + r.IntN(17))
			case 1:
				size = 1 << 24
			}
			if unsent > 0 && c.Full() == nil {
				came(c, size)
				here = append(here, int64(size))
				unsent--
			}
			if len(here) > 0 && r.IntN(3) == 0 {
				n := r.IntN(len(here)) + 1
				for _, size := range here[:n] {
					c.Give(1, size)
				}
				here = here[n:]
				unsent = max(unsent, min(unsent+n, c.prefetch))
			}
			if c.held > limit+limit/Slack+1<<24 {
				t.Fatalf("seed %d: %d bytes are held with a limit of %d", seed, c.held, limit)
			}
			if c.Due() != Same {
				unsent += c.Begin() // what was sent before comes all the same
			}
		}
	}
}

// A queue that turns large is found out after a few messages, and a few large ones of many are not taken for it.
func TestCreditShrinksAndGrowsAgain(t *testing.T) {
	const limit = 1 << 20
	c := New(1000, limit, 100, &Caution{})
	if p := c.Begin(); p != 1000 {
		t.Fatalf("prefetch %d", p)
	}
	for i := range 5000 {
		size := 100
		if i%1000 == 0 {
			size = 100 << 10
		}
		came(c, size)
		settled(c)
		if c.Due() != Same {
			t.Fatal("one large body of a thousand changes a prefetch of which nothing is held")
		}
	}
	if n := receive(c, 1000, 100<<10); n > 12 {
		t.Errorf("%d bodies of 100 KiB came before the limit of 1 MiB was seen", n)
	}
	if p := c.Begin(); p != 0 {
		t.Errorf("there is no room, and a subscription of %d begins", p)
	}
	for c.held > 0 {
		c.Give(1, 100<<10)
		if (c.Due() == Larger) != (c.held < limit) {
			t.Errorf("with %d bytes held it is said that there is room: %v", c.held, c.Due())
		}
	}
	p := c.Begin()
	if p < 5 || p > 11 {
		t.Errorf("prefetch %d does not fit bodies of 100 KiB into 1 MiB", p)
	}
	for range 1000 {
		came(c, 100<<10)
		c.Give(1, 100<<10)
		if c.Due() != Same {
			t.Fatal("a prefetch that fits changes")
		}
	}
	steps := 0 // without any settlement in between: a batch may wait for more
	for ; p < 1000 && steps < 20; steps++ {
		if receive(c, p, 100); c.Due() == Same {
			t.Fatalf("the prefetch of %d is used up by small bodies, and does not grow", p)
		}
		p = c.Begin()
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
			c := New(500, limit, float64(large), &Caution{})
			c.prefetch = p
			if large < limit {
				came(c, large) // is still here, as a part of the batch
			}
			if n := receive(c, p, 10); c.Due() == Same {
				t.Fatalf("after bodies of %d bytes the prefetch of %d is used up by %d small ones, and does not grow", large, p, n)
			}
			if next := c.Begin(); next <= p {
				t.Fatalf("after bodies of %d bytes the prefetch of %d changes to %d", large, p, next)
			}
		}
	}
}

// Where the subscription must not change, the connection that is not read bounds what is here.
func TestCreditThatIsFixed(t *testing.T) {
	c := New(300, 1<<20, 0, &Caution{})
	c.Fix(rabbitmq.Seen{})
	if p := c.Begin(); p != 300 {
		t.Errorf("prefetch %d", p)
	}
	for c.Full() == nil {
		came(c, 100<<10)
		if c.Due() != Same {
			t.Fatal("the subscription changes")
		}
	}
	if c.held < 1<<20 || c.held > 5<<18+100<<10 {
		t.Errorf("full with %d bytes", c.held)
	}
	opened := c.Full()
	c.Give(1, 100<<10)
	select {
	case <-opened:
	default:
		t.Error("there is room, and nobody is told")
	}
	for seen, fixed := range map[rabbitmq.Seen]bool{{}: true, {Known: true}: false, {Known: true, SingleActive: true}: true} {
		if c.Fix(seen); c.fixed != fixed {
			t.Errorf("%+v: fixed %v", seen, c.fixed)
		}
	}
}

func TestCreditWithoutLimit(t *testing.T) {
	c := New(300, 0, 0, &Caution{})
	if p := c.Begin(); p != 300 {
		t.Errorf("prefetch %d", p)
	}
	if receive(c, 1000, 1<<20) != 1000 || c.Full() != nil {
		t.Error("without a limit something is limited")
	}
}

// A try found the prefetch large enough, and then everything that came stays unsettled, as while dead letters are stuck: the prefetch is used up, and no delivery comes any more that
// could show it. Were it not seen with the last one, the input would stand still for as long as they are stuck.
func TestCreditSeesThatItIsUsedUp(t *testing.T) {
	c := New(5000, 64<<20, 0, &Caution{})
	p := c.Begin()
	came(c, 300)
	acked := 0
	for range p {
		came(c, 300)
		c.Give(1, 300)
		acked++
		c.Look(acked)
	}
	if c.Due() != Larger {
		t.Fatal("all that it allows has come once, and it is not tried whether it is used up")
	}
	c.Suffices()
	for c.Due() == Same {
		if c.UsedUp(acked) {
			t.Fatal("it is used up, and stays as it is")
		}
		came(c, 300)
		c.Look(acked)
	}
}
