package enginetest

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// Budget is what one message may cost in memory. It is what a clock would show later, and on a quiet machine only: users pay for the garbage
// collector's work with processor time.
type Budget struct {
	Allocations float64 // a message
	Bytes       float64 // a message
}

// Check fails t when f, which handles so many messages, allocates more than the budget. Tests that call it are named TestBudget…: `make test`
// runs these once more without the race detector, under which they are skipped, because it allocates too.
func (want Budget) Check(t *testing.T, messages int, f func()) {
	t.Helper()
	if race {
		t.Skip("the race detector allocates")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector empties pools, at moments that nobody knows
	runtime.GC()                                     // waits until none is under way
	f()                                              // what is made once, and fills the pools
	best := measure(messages, f)
	for range 2 { // how often queues grow depends on chance
		got := measure(messages, f)
		best.Allocations = min(best.Allocations, got.Allocations)
		best.Bytes = min(best.Bytes, got.Bytes)
	}
	t.Logf("%.4f allocations and %.1f bytes a message", best.Allocations, best.Bytes)
	if best.Allocations > want.Allocations || best.Bytes > want.Bytes {
		t.Errorf("%.4f allocations and %.1f bytes a message; the budget is %.4f and %.1f", best.Allocations, best.Bytes, want.Allocations, want.Bytes)
	}
}

func measure(messages int, f func()) Budget {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	n := float64(messages)
	return Budget{float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n}
}
