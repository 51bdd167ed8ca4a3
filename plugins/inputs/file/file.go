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

const doc = `Reads files of lines, each line a message, byte for byte, without its line feed. A byte order mark at the beginning of a file is left out.

A byte order mark of UTF-8 at the beginning of a file is taken off. Text in UTF-16 has no such lines: convert it before; the
log says which file it is.

A file is read when no program has it open for writing any more, so that nothing is taken half, or removed with what comes later: a copy
when it is whole, a log when it was rotated and its program has let go of it. A program that keeps one file open for ever has to rotate
it; the log says which files wait for that. Without poll_interval open files are left, and the reading ends with an error.
On Linux the kernel is asked (a lease, see fcntl(2)), on ext4, XFS, Btrfs, F2FS, ZFS, FAT, tmpfs and overlayfs, of files of logpipe's own
user, or of all with the capability CAP_LEASE. On NFS, SMB and systems other than Linux nothing can be asked, nor of files of other users
without the capability, and on FUSE and others only for programs on this machine: there a file is read when its last change is older
than min_age, which must be longer than any pause of the programs that write; the clocks of the machines must agree.
A last line without its end is waited for, for min_age at most, where the input polls. Where patterns find both, a file is left while a
program packs it into one with .gz or .zst at its end. With poll_interval a file is read when it has been closed for a second.

A file is claimed before it is read: it is renamed, with the time and .reading at its end, and locked. So two processes never read one file
twice, and logpipe's file output, which appends under the same lock, goes on in a new file and is never read half, also while it has the
file open. The folder must be writable. If a program still appends to a file that was read, the file keeps the name of its claim,
and what is new is read later.

A file leaves, see on_delivered, when its last line is settled. How much of it is settled before is noted beside it in a file that ends in
.reading.done: a stop repeats nothing, and a crash what was not settled; only a power failure may repeat more of the files that were being read.
A file that was interrupted keeps the name of its claim, and one of which nothing is settled gets its name back.
A file that is damaged, or has a line that is too long, is renamed with .failed at its end when what could be read of it is settled,
also the lines behind the long one; the log says why and where. Without poll_interval that is how the reading ends, too: with an error.
A file that cannot be read now, because the disk fails or another program has its lock, is tried again, and keeps no other waiting; without
poll_interval that ends after three tries, with an error. Files that end in .reading, .delivered, .failed, .done, .corrupt and .partial are
not found by patterns, nor are those whose names begin with a dot, unless the pattern's does. Symbolic links are not followed.`

// Plugin is the input "file".
var Plugin = engine.NewInput("file", doc, Defaults, New)

// maxOpen is how many files may be read or waiting for their last lines to settle: each needs a file descriptor, because its
// lock is one. Read waits when there are more.
const maxOpen = 512

// New makes the input, and touches no file.
func New(cfg Config, env engine.Env) (engine.Input, error) {
	in := &input{
		cfg: cfg, log: env.Log, claims: linefile.NewClaims(env.Log),
		said: map[string]string{}, left: map[string]error{}, delays: map[string]delay{},
	}
	in.claims.Ready = in.ready
	return in, nil
}

type input struct {
	cfg    Config
	log    *slog.Logger
	claims *linefile.Claims
	said   map[string]string // what the log was told of a path; touched by Read alone

	queue   []string          // not looked at yet
	after   string            // the last of the queue, where there are more behind it; "": none
	began   time.Time         // of the first look since Open; zero: there was none
	first   bool              // this is the first look
	news    map[string]string // what people should know of a pattern, by this look
	waiting waiting
	current *source // being read; nil between files

	mu      sync.Mutex       // Ack runs beside Read
	left    map[string]error // files that are not read to their end although everything is: the last word of a finite input
	delays  map[string]delay // files that could not be read, by their names
	looks   int              // through all files
	stuck   []*source        // files that are settled and could not leave
	open    []*source        // being read, or waiting for their last lines to settle
	read    map[uint64]*chunk
	tag     uint64
	settled chan struct{} // gets something when a file is done with
}

// Open begins anew; what is to be read shows at the first Read.
func (in *input) Open(context.Context) error {
	in.queue, in.after, in.began, in.current = nil, "", time.Time{}, nil
	in.read, in.open, in.stuck, in.tag = map[uint64]*chunk{}, nil, nil, 0
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
		if err == nil && from == 0 {
			in.warnOfUTF16(b, in.current.name)
		}
		in.note(b, from, err)
		if err == nil {
			return nil
		}
	}
}

// warnOfUTF16 looks at the first chunk of a file, whose byte order mark says how it is encoded. That of UTF-8 is taken off before.
func (in *input) warnOfUTF16(b *engine.Batch, name string) {
	if jsonscan.IsUTF16(b.Messages[0].Body) {
		in.log.Warn("the file is in UTF-16, by its byte order mark, and is read as if it were not: its bytes are parted at each byte 0x0a, "+
			"and no reader of UTF-8 makes lines of that; convert it, such as with iconv -f UTF-16 -t UTF-8", "path", name)
	}
}

// note keeps the books of a Read: a chunk is on its way, or the current file has come to its end.
func (in *input) note(b *engine.Batch, from int64, err error) {
	s := in.current
	in.mu.Lock()
	defer in.mu.Unlock()
	if err == nil {
		in.tag++
		b.Tag = in.tag
		in.read[b.Tag] = s.sent(b, from)
		if s.lines.More() {
			return
		}
		err = io.EOF // known now, so that the acks of a drain can end the file
	}
	var long *linefile.LongLineError
	var disk *fs.PathError
	s.cameTo(err)
	switch {
	case errors.As(err, &long):
		in.damaged(s, err)
		return // and on behind it
	case errors.As(err, &disk):
		s.failed = err
	case err != io.EOF && in.stays(s) != nil:
		s.unfinished = true // what is there now is not what it will be
	case err != io.EOF:
		in.damaged(s, fmt.Errorf("the rest from byte %d on cannot be read: %w", s.lines.Offset(), err))
	}
	in.current = nil
	s.ended = true
	s.stopReading()
	in.finish(s)
}

// damaged notes that a part of a file cannot be read, now or later.
func (in *input) damaged(s *source, why error) {
	s.damage = errors.Join(s.damage, why)
	in.log.Error("a part of a file cannot be read; the file will be kept", "path", s.name, "error", why)
	in.leave(s.name, s.damage)
}

// finish lets a file leave that is settled to its end.
func (in *input) finish(s *source) {
	if !s.ended || s.unsettled > 0 {
		return
	}
	in.open = slices.DeleteFunc(in.open, func(other *source) bool { return other == s })
	select {
	case in.settled <- struct{}{}:
	default:
	}
	if s.failed != nil {
		s.giveBack()
		in.putOff(s.name, s.delay, s.failed)
		return
	}
	in.end(s)
}

// stays returns errGrew for a file that was read as far as it goes if somebody still writes to it.
func (in *input) stays(s *source) error {
	st, err := s.claim.File.Stat()
	if err != nil {
		return err
	}
	writers := linefile.WritersOf(s.claim.File)
	age := time.Since(st.ModTime())
	if st.Size() != s.size || writers == linefile.OpenWriter || writers == linefile.UnknownWriters && age >= 0 && age < in.cfg.MinAge {
		return errGrew
	}
	return nil
}

// end lets a file leave, now or later. One to which somebody still writes is given back, to be read on.
func (in *input) end(s *source) {
	switch why := in.stays(s); {
	case why == nil && !s.unfinished:
		if err := s.leave(in.cfg.OnDelivered == keep, in.log); err != nil {
			in.retain(s, err)
		}
	case why != nil && !errors.Is(why, errGrew):
		in.retain(s, why)
	default:
		s.giveBack()
		in.log.Warn("another program still writes to a file that was read; it will be read on", "path", s.claim.Path)
		in.leave(s.name, errGrew)
	}
}

// Ack ends the files of which all chunks are settled.
func (in *input) Ack(_ context.Context, tags []uint64) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	touched := map[*source]bool{}
	for _, tag := range tags {
		c, ok := in.read[tag]
		if !ok {
			return fmt.Errorf("ack of tag %d, which is not on its way", tag)
		}
		delete(in.read, tag)
		c.source.settle(c)
		touched[c.source] = true
	}
	for s := range touched {
		if s.ended && s.unsettled == 0 {
			in.finish(s)
		} else {
			s.note()
		}
	}
	return nil
}

// Close gives back the files that are not settled to their end.
func (in *input) Close(context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, s := range append(in.open, in.stuck...) {
		s.giveBack()
	}
	in.open, in.stuck, in.read, in.current = nil, nil, nil, nil
	return nil
}
