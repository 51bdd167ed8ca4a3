package deliver

import (
	"sync"
	"time"
)

// InFlight knows when each write that has not come back began. There are as many at most as there are workers, and two more.
type InFlight struct {
	mu    sync.Mutex
	began []time.Time
}

func (f *InFlight) enter(now time.Time) {
	f.mu.Lock()
	f.began = append(f.began, now)
	f.mu.Unlock()
}

func (f *InFlight) leave(began time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.began {
		if f.began[i] == began {
			f.began = append(f.began[:i], f.began[i+1:]...)
			return
		}
	}
}

// State is how many writes have not come back, and when the first of them began.
func (f *InFlight) State() (n int, oldest time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, began := range f.began {
		if oldest.IsZero() || began.Before(oldest) {
			oldest = began
		}
	}
	return len(f.began), oldest
}
