package file

import (
	"os"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// lookEvery is how old a count of the files may be.
const lookEvery = 2 * time.Second

// backlog counts what lies in a fallback's files, also what a process before this one left. It is counted by a goroutine of its own, one at
// a time: a disk that hangs must not hang whoever asks.
type backlog struct {
	mu      sync.Mutex
	looking bool
	looked  time.Time // zero: never
	files   int
	bytes   int64
}

// Gauges implements engine.Gauger. The first question starts the counting and gets no answer.
func (f *Fallback) Gauges() []engine.Gauge {
	b := &f.backlog
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.looking && time.Since(b.looked) >= lookEvery {
		b.looking = true
		go b.look(f.path)
	}
	if b.looked.IsZero() {
		return nil
	}
	return []engine.Gauge{{Name: engine.BacklogFiles, Value: float64(b.files)}, {Name: engine.BacklogBytes, Value: float64(b.bytes)}}
}

func (b *backlog) look(path string) {
	files, bytes := count(path)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looking, b.looked, b.files, b.bytes = false, time.Now(), files, bytes
}

// count looks at the same files as a recovery.
func count(path string) (files int, bytes int64) {
	if target, err := linefile.Resolve(path); err == nil {
		path = target
	}
	for _, path := range variants(path) {
		aside, _ := linefile.RotatedFiles(path) // what cannot be listed shows when it is brought home
		for _, name := range append(aside, path) {
			if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() && st.Size() > 0 {
				files++
				bytes += st.Size()
			}
		}
	}
	return files, bytes
}
