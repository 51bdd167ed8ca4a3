package memory

import (
	"context"
	"log/slog"
	"runtime/metrics"
	"time"
)

// view is what is seen of the collector at one time. Processor time is in seconds, so far.
type view struct {
	all, collecting float64 // what there was, and what collecting garbage took of it
	cycles          uint64  // collections so far
	taken           int64   // from the system and not given back
	live            int64   // what the last collection has found
}

const watching = 10 * time.Second

// tooMuch is what collecting may take of the processors. Go itself stops at a half, and lets the memory grow then; above a quarter the limit
// is of no use to anybody.
const tooMuch = 0.25

// worthFreeing is more than what a quiet process has beside what lives.
const worthFreeing = 16 << 20

// Watch raises the limit for as long as collecting garbage takes too much of the processors, and gives memory back when nothing happens, until
// ctx ends.
func (l *Limit) Watch(ctx context.Context, log *slog.Logger) {
	if l == nil {
		return
	}
	every := time.NewTicker(watching)
	defer every.Stop()
	for l.before = l.look(); ; {
		select {
		case <-every.C:
			now := l.look()
			l.raise(now, log)
			l.rest(now)
			l.before = now
		case <-ctx.Done():
			return
		}
	}
}

// raise raises the limit by an eighth, if it has to be. Whether that was enough shows at the next look.
func (l *Limit) raise(now view, log *slog.Logger) {
	collecting, all, at := now.collecting-l.before.collecting, now.all-l.before.all, l.now()
	if l.set == nil || collecting <= tooMuch*all || at >= l.most {
		return
	}
	was, is := l.put(at + at/8)
	log.Warn("what the process holds in memory is near its limit, so that collecting garbage takes much time; the limit is raised",
		"from_bytes", was, "to_bytes", is, "share_of_cpus", collecting/all)
}

// rest gives memory back. Without a collection since the last look so little happened that one more costs nothing; with one the memory is
// in use.
func (l *Limit) rest(now view) {
	if now.cycles == l.before.cycles && now.taken-now.live > worthFreeing {
		l.free()
	}
}

// look asks Go's runtime. The collector's idle work takes nothing from anybody.
func look() view {
	samples := []metrics.Sample{
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/cpu/classes/total:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		{Name: "/cpu/classes/gc/pause:cpu-seconds"},
		{Name: "/cpu/classes/scavenge/assist:cpu-seconds"},
	}
	metrics.Read(samples)
	v := view{
		cycles: samples[0].Value.Uint64(),
		live:   int64(samples[1].Value.Uint64()),
		taken:  int64(samples[2].Value.Uint64() - samples[3].Value.Uint64()),
		all:    samples[4].Value.Float64(),
	}
	for _, s := range samples[5:] {
		v.collecting += s.Value.Float64()
	}
	return v
}
