package memory

import (
	"context"
	"log/slog"
	"runtime/metrics"
	"time"
)

// load is processor time in seconds: what there was, and what collecting garbage took of it.
type load struct{ all, collecting float64 }

func (l load) since(before load) load {
	return load{l.all - before.all, l.collecting - before.collecting}
}

// What collecting may take of the processors. Go itself stops at a half, and lets the memory grow then; above a quarter the limit
// is of no use to anybody.
const (
	tooMuch  = 0.25
	watching = 10 * time.Second
)

// Watch raises the limit for as long as collecting garbage takes too much of the processors, until ctx ends.
func (l *Limit) Watch(ctx context.Context, log *slog.Logger) {
	if l == nil {
		return
	}
	every := time.NewTicker(watching)
	defer every.Stop()
	for l.before = l.load(); ; {
		select {
		case <-every.C:
			l.look(log)
		case <-ctx.Done():
			return
		}
	}
}

// look is one look. The limit is raised by an eighth, which is seen at the next look.
func (l *Limit) look(log *slog.Logger) {
	now := l.load()
	took := now.since(l.before)
	l.before = now
	at := l.now()
	if took.collecting <= tooMuch*took.all || at >= l.most {
		return
	}
	was, is := l.put(at + at/8)
	log.Warn("what the process holds in memory is near its limit, so that collecting garbage takes much time; the limit is raised",
		"from_bytes", was, "to_bytes", is, "share_of_cpus", took.collecting/took.all)
}

// readLoad asks Go's runtime. The collector's idle work takes nothing from anybody.
func readLoad() load {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/total:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		{Name: "/cpu/classes/gc/pause:cpu-seconds"},
		{Name: "/cpu/classes/scavenge/assist:cpu-seconds"},
	}
	metrics.Read(samples)
	l := load{all: samples[0].Value.Float64()}
	for _, s := range samples[1:] {
		l.collecting += s.Value.Float64()
	}
	return l
}
