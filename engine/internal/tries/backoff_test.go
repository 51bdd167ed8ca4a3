package tries

import (
	"testing"
	"time"
)

// Without chance many instances that lost the same server come back in step, and take it down again.
func TestBackoffGrowsAndIsRandom(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		b := Backoff{First: time.Second, Most: 10 * time.Second}
		for _, most := range []time.Duration{1, 2, 4, 8, 10, 10} {
			d := b.Delay()
			if d < most*time.Second/2 || d > most*time.Second {
				t.Fatalf("a delay of %v, want %v to %v", d, most*time.Second/2, most*time.Second)
			}
			seen[d] = true
		}
		b.Reset()
		if d := b.Delay(); d > time.Second {
			t.Fatalf("the first delay after a reset is %v", d)
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d different delays among 300", len(seen))
	}
}
