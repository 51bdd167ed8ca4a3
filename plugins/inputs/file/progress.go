package file

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// progress is how much of a claimed file is settled, from its beginning without a gap. It is kept in a file beside the claim, so that
// an interruption repeats what was on its way, and not the file. The name of a claim is never used twice, so it can be about
// no other file. It is a help and no promise: where it cannot be written, reading goes on.
type progress struct {
	path string
	at   int64
	f    *os.File // nil: not made yet
	ill  bool     // an error was logged
}

// chunk is a chunk on its way.
type chunk struct {
	source  *source
	to      int64 // where it ends in the file, unpacked
	last    bool  // what is settled is not counted beyond its beginning
	settled bool
}

// isWhole reports whether a chunk of this many bytes ends in a line feed; else its last line may become longer.
func isWhole(b *engine.Batch, size int64) bool {
	for i := range b.Messages {
		size -= int64(len(b.Messages[i].Body)) + 1
	}
	return size == 0
}

// settle counts a chunk as settled.
func (s *source) settle(c *chunk) {
	c.settled = true
	for len(s.chunks) > 0 && s.chunks[0].settled && !s.chunks[0].last {
		s.progress.at = s.chunks[0].to
		s.chunks = s.chunks[1:]
	}
}

// loadProgress returns what is noted beside a claim.
func loadProgress(claim string) *progress {
	p := &progress{path: claim + linefile.Done}
	list, err := os.ReadFile(p.path)
	if err != nil {
		return p
	}
	for line := range bytes.Lines(list) {
		var at int64
		// A line without its semicolon was cut off by a crash, and a number may be cut off with it.
		if _, err := fmt.Sscanf(string(line), "%d;\n", &at); err == nil && at > p.at {
			p.at = at
		}
	}
	return p
}

// follow writes the progress beside another name of the claim, before it gets it.
func (p *progress) follow(claim string, log *slog.Logger) (old string) {
	old, p.path = p.path, claim+linefile.Done
	if p.at > 0 {
		p.note(log)
	}
	return old
}

// note writes where the settled part ends. A crash of the process does not undo that; for a power failure see sync.
func (p *progress) note(log *slog.Logger) {
	err := p.write()
	if err != nil && !p.ill {
		log.Warn("cannot note how much of a file is settled; an interruption would repeat it", "path", p.path, "error", err)
	}
	p.ill = err != nil
}

func (p *progress) write() (err error) {
	if p.f == nil {
		if p.f, err = linefile.OpenAppend(p.path, 0o640); err != nil {
			return err
		}
	}
	// The line feed in front ends a line that a crash or a full disk cut off.
	_, err = fmt.Fprintf(p.f, "\n%d;\n", p.at)
	return err
}

// sync makes what was noted durable.
func (p *progress) sync() error {
	if p.f == nil {
		return nil
	}
	return linefile.Fsync(p.f)
}

func (p *progress) close() {
	if p.f != nil {
		p.f.Close()
		p.f = nil
	}
}

// remove is for when the file is done with, or given back as a whole.
func (p *progress) remove() {
	p.close()
	os.Remove(p.path)
}

// removeOrphans removes the notes whose claim is gone: a crash left them behind.
func removeOrphans(pattern string) {
	notes, _ := filepath.Glob(pattern + ".*" + linefile.Reading + linefile.Done) // they only take up space
	for _, note := range notes {
		claim := strings.TrimSuffix(note, linefile.Done)
		if _, err := os.Lstat(claim); errors.Is(err, fs.ErrNotExist) && linefile.Original(claim) != "" {
			os.Remove(note)
		}
	}
}
