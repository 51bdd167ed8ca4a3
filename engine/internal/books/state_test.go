package books

import (
	"testing"
	"time"
)

// An operator is called when the oldest message waits too long. If settling out of order broke the list, the call would never come, or never end.
func TestWindowKnowsTheOldest(t *testing.T) {
	w := NewWindow(Amount{})
	start := time.Now()
	var all []*Receipt
	for i := range 5 {
		r := &Receipt{Messages: i + 1, Bytes: 10, Since: start.Add(time.Duration(i))}
		all = append(all, r)
		w.take(r)
	}
	for _, step := range []struct{ settle, oldest, messages int }{
		{1, 0, 13}, {0, 2, 12}, {4, 2, 7}, {2, 3, 4}, {3, -1, 0},
	} {
		w.give(all[step.settle])
		used, oldest := w.State()
		want := time.Time{}
		if step.oldest >= 0 {
			want = all[step.oldest].Since
		}
		if !oldest.Equal(want) || used.Messages != step.messages {
			t.Errorf("after chunk %d is settled: %d messages, oldest %v; want %d, %v", step.settle, used.Messages, oldest, step.messages, want)
		}
	}
	r := &Receipt{Messages: 1, Since: start}
	w.take(r)
	if _, oldest := w.State(); !oldest.Equal(start) {
		t.Error("a chunk in an emptied window is not the oldest")
	}
}
