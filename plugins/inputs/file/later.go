package file

import "time"

// How long a file waits that cannot be read now, or cannot leave: the disk may fail for a moment, or somebody may repair what keeps
// us out. A finite input tries so often, and then says so at its end.
const (
	delayFirst  = time.Second
	delayMost   = time.Minute
	finiteTries = 3
)

// delay is what became of the tries to read a file, or to let it leave.
type delay struct {
	err   error // of the last one; nil: there was none
	tries int
	due   time.Time
	look  int // the last one that has found the file
}

// failed counts a try, and reports whether its error is news.
func (d *delay) failed(err error) bool {
	news := d.err == nil || d.err.Error() != err.Error()
	d.due = time.Now().Add(min(delayFirst<<min(d.tries, 10), delayMost))
	d.err = err
	d.tries++
	return news
}

// waits reports whether the next try is not due yet, or will not be made.
func (d delay) waits(finite bool) bool {
	return d.err != nil && (finite && d.tries >= finiteTries || time.Now().Before(d.due))
}

// putOff notes that the file of that name cannot be read now. One file's trouble is no reason to give up the others, and neither is
// it said more than once. in.mu is held.
func (in *input) putOff(name string, before delay, err error) {
	if before.failed(err) {
		in.log.Warn("a file cannot be read; it is tried again", "path", name, "error", err)
	}
	before.look = in.looks
	in.delays[name] = before
	if before.tries >= finiteTries {
		in.leave(name, err)
	}
}

// retain keeps a file that is settled and cannot leave. Its claim stays: read again, its lines would come twice. in.mu is held.
func (in *input) retain(s *source, err error) {
	if s.delay.failed(err) {
		in.log.Warn("a file is settled and cannot leave; it is tried again", "path", s.claim.Path, "error", err)
	}
	if s.delay.tries >= finiteTries {
		in.leave(s.name, err)
	}
	in.stuck = append(in.stuck, s)
}

// again tries what is due of what could not leave.
func (in *input) again() {
	in.mu.Lock()
	defer in.mu.Unlock()
	stuck := in.stuck
	in.stuck = nil
	for _, s := range stuck {
		if s.delay.waits(in.finite()) {
			in.stuck = append(in.stuck, s)
			continue
		}
		in.end(s)
	}
}

// nextTry is how long it is until something is tried again; ok is false when there is nothing.
func (in *input) nextTry() (wait time.Duration, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	var next time.Time
	see := func(d delay) {
		if !in.finite() || d.tries < finiteTries {
			if next.IsZero() || d.due.Before(next) {
				next = d.due
			}
		}
	}
	for _, s := range in.stuck {
		see(s.delay)
	}
	for _, d := range in.delays {
		see(d)
	}
	return max(0, time.Until(next)), !next.IsZero()
}

// finite reports whether the input reads what is there, and is finished.
func (in *input) finite() bool { return in.cfg.PollInterval == 0 }
