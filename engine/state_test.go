package engine

import (
	"testing"
	"time"
)

// An operator is called when the oldest message waits too long. If settling out of order broke the list, the call would never come, or never end.
func TestWindowKnowsTheOldest(t *testing.T) {
	w := newWindow(amount{})
	start := time.Now()
	var all []*receipt
	for i := range 5 {
		r := &receipt{messages: i + 1, bytes: 10, since: start.Add(time.Duration(i))}
		all = append(all, r)
		w.take(r)
	}
	for _, step := range []struct{ settle, oldest, messages int }{
		{1, 0, 13}, {0, 2, 12}, {4, 2, 7}, {2, 3, 4}, {3, -1, 0},
	} {
		w.give(all[step.settle])
		used, oldest := w.state()
		want := time.Time{}
		if step.oldest >= 0 {
			want = all[step.oldest].since
		}
		if !oldest.Equal(want) || used.messages != step.messages {
			t.Errorf("after chunk %d is settled: %d messages, oldest %v; want %d, %v", step.settle, used.messages, oldest, step.messages, want)
		}
	}
	r := &receipt{messages: 1, since: start}
	w.take(r)
	if _, oldest := w.state(); !oldest.Equal(start) {
		t.Error("a chunk in an emptied window is not the oldest")
	}
}
