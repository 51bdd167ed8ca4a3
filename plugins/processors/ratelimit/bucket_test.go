package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Over any span, however the calls fall, no more may pass than the burst and the rate allow, and a rate that is asked for more is used up.
func TestBucketKeepsItsRate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		rate, size float64
		per        time.Duration
	}{{3, 1, time.Second}, {1000, 1000, time.Second}, {7, 20, time.Minute}, {999_999_937, 1e6, time.Second}, {0.1, 1, 24 * time.Hour}} {
		b := newBucket(c.rate, c.per, c.size)
		from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		now, taken := from, 0.0
		for range 100_000 {
			n := 1 + float64(r.IntN(int(c.size)))
			wait := b.wait(n, now)
			if wait > 0 {
				if now = now.Add(wait); wait == time.Hour {
					continue
				}
				if again := b.wait(n, now); again != 0 {
					t.Fatalf("%v: another wait of %v after %v", c, again, wait)
				}
			}
			b.take(n, now)
			taken += n
			allowed := c.size + float64(now.Sub(from))/float64(c.per)*c.rate
			if taken > allowed+1e-6*taken {
				t.Fatalf("%v: %v were taken until %v, allowed are %v", c, taken, now.Sub(from), allowed)
			}
			if taken < allowed-c.size-n-1-1e-6*taken {
				t.Fatalf("%v: only %v were taken until %v, allowed are %v", c, taken, now.Sub(from), allowed)
			}
		}
	}
}
