// Package memory keeps the process near what its messages take: it tells Go's garbage collector how much memory there may be.
//
// A heap that may grow to a percentage of what lives cannot keep a bound: how much of it is garbage when a collection begins is chance. A soft
// limit can, so there is one, reckoned from what the pipelines may have in flight. Near it the collector works more, which costs little
// while what lives is large bodies, which it does not look into, and much when it is many small things and the limit is too near. So the
// limit is watched, and gives way before it costs a quarter of the processors.
//
// What is not used any more goes back to the system when the process has been quiet for a while: Go itself would look after it two minutes
// later only, and one percent of a processor at a time.
package memory

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"sync"
)

// What the process may take, as docs/operations.md states it: base, and 2.5 times what may be in flight. The messages themselves are one
// part of it, a quarter is what may come beyond the limit of an input, one part is their text while it is written, and the rest is
// garbage.
const (
	base = 40_000_000
	// aim is what the limit is set to of these 2.5. The rest is for what comes while the collector works: a large body, or a batch that comes
	// home from a fallback. Measured with bodies of 16 MiB and 32 MiB in flight, the process goes 12 MB beyond the limit.
	aim = 2.0
	// outside is what of base is no memory of Go's: the pages of the program that are in use, 23 MB at the start, and some more with
	// everything that is used for the first time.
	outside = 27_000_000
	// eachWorker is what a worker takes beside messages: a compressor and what a connection buffers. base has room for some.
	eachWorker  = 2_500_000
	someWorkers = 8
)

// gcPercent lets the heap grow to two and a half times what lives before it is collected, where the limit is not reached before. Measured with
// RabbitMQ to S3, more than Go's 100 spares nothing there any more; reading files takes a tenth more processor time with 100 than with 400, which doubles
// the memory.
const gcPercent = 150

// Need is what the pipelines of a configuration may take.
type Need struct {
	InFlight int64 // bytes of messages
	Workers  int   // of all outputs
}

// limit is the soft limit for n: of what Go has taken from the system.
func (n Need) limit() int64 {
	more := int64(max(0, n.Workers-someWorkers)) * eachWorker
	if n.InFlight > math.MaxInt64/8 {
		return math.MaxInt64
	}
	return base - outside + more + int64(aim*float64(n.InFlight))
}

// Limit is the soft limit of the process. A nil Limit leaves all as it is.
type Limit struct {
	most int64       // that it may be: nine tenths of the control group's limit
	set  func(int64) // nil: it is the user's

	mu sync.Mutex
	at int64 // what it is

	// of Watch alone
	look   func() view
	free   func()
	before view
}

// Tune sets how the garbage collector works from the start on, unless the user did by GOGC and GOMEMLIMIT. In a container memory must not
// grow past what the kernel allows, so the limit of the control group, less a tenth for what is not Go's, is a bound of the soft limit: near it the
// collector works harder instead of the kernel killing the process.
func Tune() *Limit {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	l := &Limit{most: math.MaxInt64, look: look, free: debug.FreeOSMemory}
	if os.Getenv("GOMEMLIMIT") != "" {
		return l
	}
	l.set = func(n int64) { debug.SetMemoryLimit(n) }
	if group := cgroupLimit(os.DirFS("/")); group > 0 {
		l.most = group / 10 * 9
		l.put(l.most)
	}
	return l
}

// Fit sets the limit to what the pipelines need.
func (l *Limit) Fit(n Need, log *slog.Logger) {
	if l == nil || l.set == nil {
		return
	}
	if was, is := l.put(n.limit()); was != is {
		log.Debug("the memory limit is set", "bytes", is, "in_flight_bytes", n.InFlight)
	}
}

// put returns what the limit was, and is.
func (l *Limit) put(n int64) (was, is int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, l.at = l.at, min(n, l.most)
	l.set(l.at)
	return was, l.at
}

func (l *Limit) now() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}
