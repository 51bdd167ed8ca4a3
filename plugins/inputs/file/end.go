package file

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/logpipe/logpipe/engine"
)

// leave notes what the end of a finite input says of a file.
func (in *input) leave(s *source, why error) {
	if in.cfg.PollInterval == 0 {
		in.left[s.name] = fmt.Errorf("%s: %w", s.name, why)
	}
}

// end is the last word of a finite input.
func (in *input) end() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, s := range in.open { // which are read, and not settled
		if grew, err := s.grew(); grew || err != nil {
			in.leave(s, cmp.Or(err, errGrew))
		}
	}
	if len(in.left) == 0 {
		return io.EOF
	}
	var why []error
	for _, name := range slices.Sorted(maps.Keys(in.left)) {
		why = append(why, in.left[name])
	}
	return &engine.ShortError{Err: errors.Join(why...)}
}

var errGrew = errors.New("another program still writes to it; what is new is read by the next run")
