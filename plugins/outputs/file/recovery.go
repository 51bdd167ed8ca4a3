package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// fallbackRotate is how large a fallback file grows unless the configuration says otherwise: so much disk is free again
// each time that this much has come home.
const fallbackRotate = 256 << 20

// Fallback is the file output in the role of a fallback: what it wrote can be read again.
type Fallback struct {
	*Output
	backlog backlog
}

// Recovery returns the input that brings the batches home. It shares nothing with the writing side but the files.
func (f *Fallback) Recovery() engine.Input {
	return &recovery{
		path: f.path, pipeline: f.env.Way(), log: f.env.Log, claims: linefile.NewClaims(f.env.Log),
		said: map[string]bool{}, quiet: map[string]quiet{},
	}
}

// recovery reads the files of a fallback, oldest first: those that were put aside, by this process or one before it, and
// then the one at the path, which it claims so that the writers go on in a new one. A file that cannot be read does not keep
// the others from coming home; Read says so at their end.
type recovery struct {
	path     string
	pipeline string // whose batches come home
	log      *slog.Logger
	claims   *linefile.Claims
	said     map[string]bool  // pipelines of which the log has heard
	quiet    map[string]quiet // files whose last line has no end, by path; touched by Read alone

	current *spool   // being read; touched by Read alone
	queue   []string // files that were put aside and not looked at yet

	mu     sync.Mutex // Ack runs beside Read
	spools []*spool   // claimed and not home yet
	read   map[uint64]part
	tag    uint64
	failed []error
	skip   []string // files that failed since Open, or are another pipeline's
	later  []string // files that may still be written to; they wait until Read has said that there is nothing more
}

// part is a batch that was read and not acked.
type part struct {
	spool *spool
	span  linefile.Span
}

// Open forgets what failed before: somebody may have repaired it.
func (r *recovery) Open(context.Context) error {
	path, err := linefile.Resolve(r.path)
	if err != nil {
		return err
	}
	*r = recovery{path: path, pipeline: r.pipeline, log: r.log, claims: r.claims, said: r.said, quiet: r.quiet, read: map[uint64]part{}}
	return nil
}

// Read gives one batch.
func (r *recovery) Read(ctx context.Context, b *engine.Batch) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.current == nil {
			if err := r.next(ctx); err != nil {
				return err
			}
		}
		span, err := r.current.next(b)
		if err == nil {
			r.give(b, span)
			return nil
		}
		r.current.stopReading()
		if err = r.ended(r.current, err); err != nil {
			r.fail(r.current.claim.Path, err)
		}
		r.current = nil
	}
}

// give notes that a batch is on its way. When it is the last of its file, that is known now, so that its ack can end the file.
func (r *recovery) give(b *engine.Batch, span linefile.Span) {
	s := r.current
	if !s.reader.More() {
		s.stopReading()
		r.current = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tag++
	b.Tag = r.tag
	r.read[b.Tag] = part{s, span}
	s.unacked++
	s.ended = r.current == nil
}

// ended is called when the current file gives nothing more. It returns what went wrong.
func (r *recovery) ended(s *spool, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != io.EOF {
		return err
	}
	s.ended = true
	return r.finish(s, nil)
}

// finish lets go of a file of which everything is home.
func (r *recovery) finish(s *spool, spans []linefile.Span) error {
	if !s.ended || s.unacked > 0 {
		s.claim.Notes.Add(spans...)
		s.claim.Notes.Sync()
		return nil
	}
	if err := s.leave(spans); err != nil {
		return err
	}
	switch {
	case s.foreign != "": // nothing of it changes but through the other one
		r.skip = append(r.skip, s.claim.Path)
	case s.held:
		r.later = append(r.later, s.claim.Path)
	}
	if s.foreign != "" && !r.said[s.foreign] {
		r.said[s.foreign] = true
		r.log.Warn("the fallback's files have batches of another pipeline, which are left to it; was the pipeline renamed, or do two share one path?",
			"path", s.claim.Path, "pipeline_of_batches", s.foreign)
	}
	r.spools = slices.DeleteFunc(r.spools, func(other *spool) bool { return other == s })
	return nil
}

// fail notes that a file has to wait until the next Open.
func (r *recovery) fail(path string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, fmt.Errorf("recover %s: %w", path, err))
	r.skip = append(r.skip, path)
}

// Ack lets batches leave their files.
func (r *recovery) Ack(_ context.Context, tags []uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	touched := map[*spool][]linefile.Span{}
	for _, tag := range tags {
		p, ok := r.read[tag]
		if !ok {
			return fmt.Errorf("ack of tag %d, which is not on its way", tag)
		}
		delete(r.read, tag)
		p.spool.unacked--
		touched[p.spool] = append(touched[p.spool], p.span)
	}
	var errs []error
	for s, spans := range touched {
		errs = append(errs, r.finish(s, spans))
	}
	return errors.Join(errs...)
}

// Close gives up all claims. What is not acked is there again after the next Open.
func (r *recovery) Close(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		r.current.stopReading()
	}
	for _, s := range r.spools {
		s.claim.GiveBack("")
	}
	r.spools, r.read, r.current, r.queue = nil, nil, nil, nil
	return nil
}
