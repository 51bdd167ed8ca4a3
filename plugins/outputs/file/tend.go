package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// What is due although nobody writes: one timer for all files rotates those that have reached their age, and at the start the
// end of the file is repaired.

// tendAgain is how long a rotation that failed waits for its next attempt.
const tendAgain = time.Minute

// tend puts an old file aside, and repairs one that ends in the middle of a write. It makes no file.
func (l *live) tend(ctx context.Context) error {
	was, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		l.close()
		return nil
	}
	if err := l.lock(ctx); err != nil {
		return err
	}
	defer l.letGo()
	if is, err := l.f.Stat(); err == nil && is.Size() == 0 && !os.SameFile(was, is) {
		// A recovery took the file away meanwhile, and the lock made a new one. Whoever waits to write there looks at the name again.
		err = os.Remove(l.target)
		l.close()
		return err
	}
	why, err := l.ready(0)
	if err == nil && why != "" {
		err = l.putAside(why)
	}
	l.age()
	return err
}

// age notes when the file is to be rotated, for whoever does not hold it.
func (l *live) age() {
	due := int64(0)
	if l.f != nil && l.rotateAge > 0 && l.whole > 0 {
		due = l.born.Add(l.rotateAge).UnixNano()
	}
	l.due.Store(due)
}

// tend does what is due for one file.
func (o *Output) tend(ctx context.Context, path string) error {
	t := o.use(path)
	defer o.leave(t)
	return t.write(ctx, nil)
}

// plan starts the timer, where there is something to wait for and it does not run.
func (o *Output) plan(least time.Duration) {
	if o.cfg.RotateAge == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.timer != nil || o.ctx.Err() != nil {
		return
	}
	var next int64
	for _, due := range o.dues() {
		if next == 0 || due < next {
			next = due
		}
	}
	if next > 0 {
		o.tending.Add(1)
		o.timer = time.AfterFunc(max(least, time.Until(time.Unix(0, next))), o.tendOld)
	}
}

// dues says of each file when it is to be rotated. o.mu is held.
func (o *Output) dues() map[string]int64 {
	dues := map[string]int64{}
	for path, t := range o.files {
		if due := t.live.due.Load(); due > 0 {
			dues[path] = due
		}
	}
	for path, k := range o.known {
		if k.file != nil && k.whole > 0 {
			dues[path] = k.born.Add(o.cfg.RotateAge).UnixNano()
		}
	}
	return dues
}

// tendOld rotates the files that have reached their age.
func (o *Output) tendOld() {
	defer o.tending.Done()
	o.mu.Lock()
	dues := o.dues()
	o.mu.Unlock()
	least := time.Duration(0)
	for path, due := range dues {
		if time.Now().UnixNano() < due {
			continue
		}
		if err := o.tend(o.ctx, path); err != nil && o.ctx.Err() == nil {
			least = tendAgain
			o.env.Log.Warn("cannot rotate a file that is old enough; trying again", "path", path, "error", err)
		}
	}
	o.mu.Lock()
	o.timer = nil
	o.mu.Unlock()
	o.plan(least)
}

// endTending stops the timer, and waits for what it has begun.
func (o *Output) endTending() {
	o.cancel()
	o.mu.Lock()
	if o.timer != nil && o.timer.Stop() {
		o.tending.Done()
	}
	o.mu.Unlock()
	o.tending.Wait()
}
