package file

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// next claims the next file. Without one it waits for new ones, if it polls, or for those that could not be read, or is finished.
func (in *input) next(ctx context.Context) error {
	if err := in.waitForOpen(ctx, maxOpen-1); err != nil {
		return err
	}
	for len(in.queue) > 0 {
		if ctx.Err() != nil { // there may be many that are not ready
			return context.Cause(ctx)
		}
		path := in.queue[0]
		in.queue = in.queue[1:]
		if err := in.take(ctx, path); err != nil || in.current != nil {
			return err
		}
	}
	return in.look(ctx)
}

// take makes the file at path the current one, unless another has it. Its error is that of ctx.
func (in *input) take(ctx context.Context, path string) error {
	s, err := claim(ctx, in.claims, path, int(in.cfg.MaxLineBytes))
	name := nameOf(path)
	if why := (*notReady)(nil); errors.As(err, &why) {
		in.waiting.add(name, why)
		return nil
	}
	if err != nil && ctx.Err() != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	before := in.delays[name]
	delete(in.delays, name)
	switch {
	case err != nil:
		in.putOff(name, before, err)
	case s != nil:
		s.delay = before
		in.open = append(in.open, s)
		in.current = s
	}
	return nil
}

// nameOf is the name that a file has, or had before it was claimed.
func nameOf(path string) string {
	if original := linefile.Original(path); original != "" {
		return original
	}
	return path
}

// look fills the queue, when it is time to.
func (in *input) look(ctx context.Context) error {
	if in.after == "" {
		if err := in.begin(ctx); err != nil {
			return err
		}
	}
	w := window{after: in.after}
	for _, pattern := range in.cfg.Paths {
		in.news[pattern] = max(in.news[pattern], w.find(pattern))
	}
	w.cut()
	in.after = ""
	if w.until != "" {
		in.after = w.keys[len(w.keys)-1]
	} else {
		in.say()
	}
	for _, key := range w.keys {
		in.queue = append(in.queue, key[1:])
	}
	in.leaveOut()
	return nil
}

// begin is called before a look through all files, which may be several windows. It waits until it is time to, and does what is done
// once.
func (in *input) begin(ctx context.Context) error {
	in.first = in.began.IsZero()
	if in.first {
		in.began = time.Now()
	} else {
		in.waiting.end()
		in.report()
		if err := in.rest(ctx); err != nil {
			return err
		}
	}
	in.waiting.begin()
	in.again()
	in.forget()
	in.news = map[string]string{}
	return nil
}

// say tells people what they should know of the patterns, once.
func (in *input) say() {
	for _, pattern := range in.cfg.Paths {
		why := in.news[pattern]
		if !in.first && in.finite() { // what is not there was read
			continue
		}
		if why != in.said[pattern] && why != "" {
			in.log.Warn(why, "path", pattern)
		}
		in.said[pattern] = why
	}
}

// leaveOut takes out of the queue what is not to be tried again yet.
func (in *input) leaveOut() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queue = slices.DeleteFunc(in.queue, func(path string) bool {
		name := nameOf(path)
		d, ok := in.delays[name]
		if ok {
			d.look = in.looks
			in.delays[name] = d
		}
		return d.waits(in.finite())
	})
}

// forget forgets what was put off, and was not there at the last look.
func (in *input) forget() {
	in.mu.Lock()
	defer in.mu.Unlock()
	maps.DeleteFunc(in.delays, func(_ string, d delay) bool { return d.look < in.looks && !d.waits(in.finite()) })
	in.looks = in.waiting.look
}

// rest waits until it is time to look again. For a finite input that is when something is to be tried again, or will be ready; without
// that it is the end.
func (in *input) rest(ctx context.Context) error {
	wait, ok := in.nextTry()
	if ready, soon := in.waiting.next(); soon && in.finite() && time.Since(in.began) <= in.cfg.MinAge && (!ok || ready < wait) {
		// It waits once for what is young now. What is changed again and again meanwhile is for the next run.
		wait, ok = ready, true
	}
	switch {
	case in.finite() && !ok:
		return in.lastWord()
	case in.finite():
	case !ok || wait > in.cfg.PollInterval:
		wait = in.cfg.PollInterval
	}
	return sleep.For(ctx, wait)
}

// waitForOpen waits until at most n files are open.
func (in *input) waitForOpen(ctx context.Context, n int) error {
	for {
		in.mu.Lock()
		open := len(in.open)
		in.mu.Unlock()
		if open <= n {
			return nil
		}
		select {
		case <-in.settled:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
