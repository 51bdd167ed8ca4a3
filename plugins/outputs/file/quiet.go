package file

import (
	"maps"
	"os"
	"time"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// restAge is how long nobody may have written to a file before its last line counts as whole without a line feed.
const restAge = 10 * time.Second

// quiet is how a file looked, and since when it has looked so.
type quiet struct {
	size     int64
	modified time.Time
	since    time.Time
}

// rests reports whether nobody has written to a claimed file for restAge. Its own time says so for one that an earlier life left; where
// that time is of no use, because the clock was set back, the file must have been seen unchanged for so long.
func (r *recovery) rests(c *linefile.Claim) bool {
	st, err := c.File.Stat()
	if err != nil {
		return false // shows again when it is read
	}
	if time.Since(st.ModTime()) >= restAge {
		return true
	}
	maps.DeleteFunc(r.quiet, func(path string, _ quiet) bool {
		_, err := os.Lstat(path)
		return err != nil
	})
	was, seen := r.quiet[c.Path]
	if !seen || was.size != st.Size() || !was.modified.Equal(st.ModTime()) {
		r.quiet[c.Path] = quiet{st.Size(), st.ModTime(), time.Now()}
		return false
	}
	return time.Since(was.since) >= restAge
}
