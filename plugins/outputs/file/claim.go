package file

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// next claims the next file, or returns io.EOF when there is none now; an error only when all others are read.
func (r *recovery) next(ctx context.Context) error {
	if len(r.queue) == 0 {
		if err := r.look(); err != nil {
			return err
		}
	}
	for len(r.queue) > 0 {
		path := r.queue[0]
		r.queue = r.queue[1:]
		claim, err := r.claims.TakeOver(path)
		if claim != nil {
			err = r.begin(claim)
		}
		if err != nil {
			r.fail(path, err)
		}
		if r.current != nil {
			return nil
		}
	}
	for _, path := range variants(r.path) {
		if err := r.takeLive(ctx, path); err != nil {
			return err
		}
		if r.current != nil {
			return nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.later = nil
	if len(r.failed) > 0 {
		return errors.Join(r.failed...)
	}
	return io.EOF
}

// look lists the files that were put aside, without those that are claimed by this recovery, or failed.
func (r *recovery) look() error {
	for _, path := range variants(r.path) {
		files, err := linefile.RotatedFiles(path)
		if err != nil {
			return err
		}
		r.queue = append(r.queue, files...)
		lists, _ := linefile.DoneFiles(path)
		linefile.RemoveOrphans(lists)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := append(slices.Clone(r.skip), r.later...)
	for _, s := range r.spools {
		known = append(known, s.claim.Path)
	}
	r.queue = slices.DeleteFunc(r.queue, func(path string) bool { return slices.Contains(known, path) })
	return nil
}

// takeLive claims the file that is written to, if there is anything in it.
func (r *recovery) takeLive(ctx context.Context, path string) error {
	if st, err := os.Stat(path); err != nil || st.Size() == 0 || slices.Contains(r.skip, path) {
		return nil // nothing there; what else may be wrong shows when it is written to
	}
	claim, err := r.claims.Take(ctx, path, linefile.Rotated)
	if ctx.Err() != nil && err != nil {
		return err
	}
	if claim != nil {
		err = r.begin(claim)
	}
	if err != nil {
		r.fail(path, err)
	}
	return nil
}

// begin makes a claim the current file. The claim is its own from here on.
func (r *recovery) begin(claim *linefile.Claim) error {
	s, err := openSpool(claim, r.pipeline, r.rests(claim), r.log)
	if err != nil {
		claim.GiveBack("")
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spools = append(r.spools, s)
	r.current = s
	return nil
}

// variants are the names that the file has under each compression. The one in the configuration may have been another
// when the file was written.
func variants(path string) []string {
	plain := strings.TrimSuffix(path, encode.CompressionOf(path).Extension())
	return []string{plain, plain + encode.Gzip.Extension(), plain + encode.Zstd.Extension()}
}
