package file

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/logpipe/logpipe/engine"
)

// leave notes what the end of a finite input says of a file.
func (in *input) leave(name string, why error) {
	if in.finite() {
		in.left[name] = fmt.Errorf("%s: %w", name, why)
	}
}

// lastWord is the end of a finite input.
func (in *input) lastWord() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, s := range in.open { // which are read, and not settled
		if err := in.stays(s); err != nil {
			in.leave(s.name, err)
		}
	}
	why := in.waiting.left()
	if len(in.left)+len(why) == 0 {
		return io.EOF
	}
	for _, name := range slices.Sorted(maps.Keys(in.left)) {
		why = append(why, in.left[name])
	}
	return &engine.ShortError{Err: errors.Join(why...)}
}

var errGrew = errors.New("another program still writes to it; what is new is read by the next run")
