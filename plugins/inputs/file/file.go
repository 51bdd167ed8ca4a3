// Package file is the input that reads files of lines.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

const doc = `Reads files of lines, each line a message, byte for byte, without its line feed.

A byte order mark of UTF-8 at the beginning of a file is taken off. Text in UTF-16 has no such lines: convert it before; the
log says which file it is.

A file is claimed before it is read: it is renamed, with the time and .reading at its end, and locked. So two processes never read one file
twice, and logpipe's file output, which appends under the same lock, goes on in a new file and is never read half. The folder must be writable.
Other programs must have finished a file, or open it anew for each write, as when it is rotated. If one still appends to a file that was
read, the file keeps the name of its claim, and what is new is read later.

A file leaves, see on_delivered, when its last line is settled. How much of it is settled before is noted beside it in a file that ends in
.reading.done: a stop repeats nothing, and a crash what was not settled; only a power failure may repeat more of the files that were being read.
A file that was interrupted keeps the name of its claim, and one of which nothing is settled gets its name back.
A file that is damaged, or has a line that is too long, is renamed with .failed at its end when what could be read of it is settled,
also the lines behind the long one; the log says why and where. Without poll_interval that is how the reading ends, too: with an error.
When the disk fails, the file is tried again. Files that end in .reading, .delivered, .failed, .done, .corrupt and .partial are
not found by patterns, and symbolic links are not followed.`

// Plugin is the input "file".
var Plugin = engine.NewInput("file", doc, Defaults, New)

// maxOpen is how many files may be read or waiting for their last lines to settle: each needs a file descriptor, because its
// lock is one. Read waits when there are more.
const maxOpen = 512

// New makes the input, and touches no file.
func New(cfg Config, env engine.Env) (engine.Input, error) {
	return &input{cfg: cfg, log: env.Log, said: map[string]string{}, left: map[string]error{}}, nil
}

type input struct {
	cfg  Config
	log  *slog.Logger
	said map[string]string // what the log was told of a path; touched by Read alone

	queue   []string // not looked at yet
	looked  bool     // since Open
	current *source  // being read; nil between files
	failed  []error  // of files that could not be read now; the engine opens again for them

	mu      sync.Mutex       // Ack runs beside Read
	left    map[string]error // files that are not read to their end although everything is: the last word of a finite input
	open    []*source
	read    map[uint64]*chunk
	tag     uint64
	settled chan struct{} // gets something when a file is done with
}

// Open begins anew; what is to be read shows at the first Read.
func (in *input) Open(context.Context) error {
	in.queue, in.looked, in.current, in.failed = nil, false, nil, nil
	in.read, in.open, in.tag = map[uint64]*chunk{}, nil, 0
	in.settled = make(chan struct{}, 1)
	return nil
}

// Read gives the next lines of the current file, or of the next one.
func (in *input) Read(ctx context.Context, b *engine.Batch) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if in.current == nil {
			if err := in.next(ctx); err != nil {
				return err
			}
			continue
		}
		from := in.current.lines.Offset()
		err := in.current.lines.Next(b, time.Now())
		if s := in.current; err == nil && from == 0 {
			defer in.unmark(b, s.name) // when it is noted how long the line is in the file
		}
		in.note(b, from, err)
		if err == nil {
			return nil
		}
	}
}

// unmark takes the byte order mark off the first line of a file: it says how the file is encoded, and is no part of the text.
func (in *input) unmark(b *engine.Batch, name string) {
	first := &b.Messages[0]
	if jsonscan.IsUTF16(first.Body) {
		in.log.Warn("the file is in UTF-16, by its byte order mark, and is read as if it were not: its bytes are parted at each byte 0x0a, "+
			"and no reader of UTF-8 makes lines of that; convert it, such as with iconv -f UTF-16 -t UTF-8", "path", name)
	}
	first.Body = first.Body[jsonscan.Mark(first.Body):]
}

// note keeps the books of a Read: a chunk is on its way, or the current file has come to its end.
func (in *input) note(b *engine.Batch, from int64, err error) {
	s := in.current
	in.mu.Lock()
	defer in.mu.Unlock()
	if err == nil {
		in.tag++
		b.Tag = in.tag
		to := s.lines.Offset()
		c := &chunk{source: s, to: to, last: s.damage != nil || !isWhole(b, to-from)}
		in.read[b.Tag] = c
		s.chunks = append(s.chunks, c)
		s.unsettled++
		if s.lines.More() {
			return
		}
		err = io.EOF // known now, so that the acks of a drain can end the file
	}
	var long *linefile.LongLineError
	var disk *fs.PathError
	switch {
	case errors.As(err, &long):
		in.damaged(s, err)
		return // and on behind it
	case errors.As(err, &disk):
		s.unread = true
		in.failed = append(in.failed, fmt.Errorf("read %s: %w", s.name, err))
	case err != io.EOF:
		in.damaged(s, fmt.Errorf("the rest from byte %d on cannot be read: %w", s.lines.Offset(), err))
	}
	in.current = nil
	s.ended = true
	if err := in.finish(s); err != nil {
		in.failed = append(in.failed, err)
	}
}

// damaged notes that a part of a file cannot be read, now or later.
func (in *input) damaged(s *source, why error) {
	s.damage = errors.Join(s.damage, why)
	in.log.Error("a part of a file cannot be read; the file will be kept", "path", s.name, "error", why)
	in.leave(s, s.damage)
}

// finish ends a file that is settled to its end.
func (in *input) finish(s *source) error {
	if !s.ended || s.unsettled > 0 {
		return nil
	}
	in.open = slices.DeleteFunc(in.open, func(other *source) bool { return other == s })
	select {
	case in.settled <- struct{}{}:
	default:
	}
	grew, err := s.finish(in.cfg.OnDelivered == keep, in.log)
	if grew {
		in.leave(s, errGrew)
	}
	return err
}

// next claims the next file. Without one it waits for new ones, if it polls, or is finished. Files that could not be read are an error
// then, but only when everything else is settled: an error makes the engine close the input, and what is on its way would be read again.
func (in *input) next(ctx context.Context) error {
	if err := in.waitForOpen(ctx, maxOpen-1); err != nil {
		return err
	}
	for len(in.queue) > 0 {
		path := in.queue[0]
		in.queue = in.queue[1:]
		s, err := claim(ctx, path, int(in.cfg.MaxLineBytes), in.log)
		switch {
		case ctx.Err() != nil && err != nil:
			return err
		case err != nil:
			in.failed = append(in.failed, err)
		case s != nil:
			in.mu.Lock()
			in.open = append(in.open, s)
			in.mu.Unlock()
			in.current = s
			return nil
		}
	}
	return in.look(ctx)
}

// look fills the queue.
func (in *input) look(ctx context.Context) error {
	if in.looked {
		if len(in.failed) > 0 {
			if err := in.waitForOpen(ctx, 0); err != nil {
				return err
			}
			return errors.Join(in.failed...)
		}
		if in.cfg.PollInterval == 0 {
			return in.end()
		}
		timer := time.NewTimer(in.cfg.PollInterval)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	in.looked = true
	for _, pattern := range in.cfg.Paths {
		removeOrphans(pattern)
		paths, why := find(pattern)
		in.queue = append(in.queue, paths...)
		if why != in.said[pattern] && why != "" {
			in.log.Warn(why, "path", pattern)
		}
		in.said[pattern] = why
	}
	slices.Sort(in.queue)
	in.queue = slices.Compact(in.queue)
	// What an earlier life left in the middle is older than the rest.
	slices.SortStableFunc(in.queue, func(a, b string) int { return order(a) - order(b) })
	return nil
}

func order(path string) int {
	if linefile.Original(path) != "" {
		return 0
	}
	return 1
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

// Ack ends the files of which all chunks are settled.
func (in *input) Ack(_ context.Context, tags []uint64) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	touched := map[*source]int64{}
	for _, tag := range tags {
		c, ok := in.read[tag]
		if !ok {
			return fmt.Errorf("ack of tag %d, which is not on its way", tag)
		}
		delete(in.read, tag)
		s := c.source
		if _, ok := touched[s]; !ok {
			touched[s] = s.progress.at
		}
		s.unsettled--
		s.settle(c)
	}
	var errs []error
	for s, was := range touched {
		switch {
		case s.ended && s.unsettled == 0:
			errs = append(errs, in.finish(s))
		case s.progress.at > was:
			s.progress.note(in.log)
		}
	}
	return errors.Join(errs...)
}

// Close gives back the files that are not settled to their end.
func (in *input) Close(context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, s := range in.open {
		s.giveBack(in.log)
	}
	in.open, in.read, in.current = nil, nil, nil
	return nil
}
