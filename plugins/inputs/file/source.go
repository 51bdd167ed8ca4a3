package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// source is one claimed file.
type source struct {
	name  string // before it was claimed
	claim *linefile.Claim
	plain io.Closer        // of the decompressor
	lines *linefile.Reader // nil when it is read as far as it goes

	at     int64    // so much is settled, from the beginning without a gap
	chunks []*chunk // on their way, in the order of the file, behind that

	ended      bool  // read as far as it goes
	size       int64 // of the file then
	unsettled  int   // chunks
	damage     error // of the content: people have to look at it
	unfinished bool  // it ended in the middle, and somebody still wrote to it
	failed     error // of the disk: the file is to be read again
	delay      delay // what became of earlier tries
}

// chunk is a chunk on its way.
type chunk struct {
	source  *source
	to      int64 // where it ends in the file, unpacked
	last    bool  // what is settled is not counted beyond its beginning
	settled bool
}

// claim makes the file at path ours. It returns nil and no error when another process was first.
func claim(ctx context.Context, claims *linefile.Claims, path string, longest int) (*source, error) {
	name, original := path, linefile.Original(path)
	var c *linefile.Claim
	var err error
	if original != "" {
		name = original
		c, err = claims.TakeOver(path)
	} else {
		c, err = claims.Take(ctx, path, linefile.Claimed)
	}
	if c == nil || err != nil {
		return nil, err
	}
	s := &source{name: name, claim: c}
	if err := s.open(longest); err != nil {
		c.GiveBack(name)
		return nil, err
	}
	return s, nil
}

// open reads on behind what is settled.
func (s *source) open(longest int) error {
	for {
		if _, err := s.claim.File.Seek(0, io.SeekStart); err != nil {
			return err
		}
		plain, err := encode.NewReader(s.claim.File, encode.CompressionOf(s.name))
		var disk *fs.PathError
		if errors.As(err, &disk) {
			return err
		}
		if err != nil {
			plain = io.NopCloser(broken{err}) // shows at the first read, as other damage does
		}
		s.plain = plain
		s.lines = linefile.NewReader(plain, longest)
		s.at, _ = s.claim.Notes.End(0)
		err = s.lines.Skip(s.at)
		if errors.As(err, &disk) {
			s.stopReading()
			return err
		}
		if err != io.EOF { // other damage shows at the first read
			if s.at == 0 {
				s.lines.SkipMark()
			}
			return nil
		}
		s.stopReading()
		s.claim.Notes.Forget() // it was cut from outside: what is in it now is new
	}
}

// broken is a file that cannot be unpacked.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// stopReading frees what reading takes: many files may wait for their last lines to settle.
func (s *source) stopReading() {
	if s.lines != nil {
		s.lines.Close()
		s.plain.Close()
		s.lines, s.plain = nil, nil
	}
}

// cameTo notes how large the file was when reading came to its end, or to what cannot be read.
func (s *source) cameTo(err error) {
	if err == io.EOF {
		s.size, _ = s.claim.File.Seek(0, io.SeekCurrent) // if this fails the file seems to have grown, and is read on
	} else if st, err := s.claim.File.Stat(); err == nil {
		s.size = st.Size()
	}
}

// sent notes that a chunk is on its way, which began at the offset from.
func (s *source) sent(b *engine.Batch, from int64) *chunk {
	to := s.lines.Offset()
	c := &chunk{source: s, to: to, last: s.damage != nil || !isWhole(b, to-from)}
	s.chunks = append(s.chunks, c)
	s.unsettled++
	return c
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
	s.unsettled--
	c.settled = true
	for len(s.chunks) > 0 && s.chunks[0].settled && !s.chunks[0].last {
		s.at = s.chunks[0].to
		s.chunks = s.chunks[1:]
	}
}

// note writes down how much is settled.
func (s *source) note() {
	if noted, _ := s.claim.Notes.End(0); s.at > noted {
		s.claim.Notes.Add(linefile.Span{From: 0, To: s.at})
		s.claim.Notes.Write()
	}
}

// leave is called when everything that was read is settled, and nobody writes to the file any more. Where it fails the file is still
// claimed, and it can be called again.
func (s *source) leave(keep bool, log *slog.Logger) error {
	switch {
	case s.damage != nil:
		if err := s.claim.Keep(s.name, linefile.Failed); err != nil {
			return err
		}
		log.Error("file is kept, and not read again: a part of it could not be read", "path", s.claim.Path, "error", s.damage)
		return nil
	case keep:
		return s.claim.Keep(s.name, linefile.Delivered)
	}
	return s.claim.Remove()
}

// giveBack ends the claim of a file that has to be read on.
func (s *source) giveBack() {
	s.stopReading()
	s.note()
	s.claim.GiveBack(s.name)
}
