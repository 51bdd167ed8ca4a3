package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// restAge is how long nobody may have written to a file before its last line counts as whole without a line feed.
const restAge = 10 * time.Second

// spool is one claimed file of a fallback on its way home.
type spool struct {
	claim  *linefile.Claim
	plain  io.Closer // of the decompressor
	reader *linefile.Unsealer
	done   *doneList
	log    *slog.Logger
	size   int64 // when it was opened

	damage   error  // of the file's content: it is kept for people to look at
	held     bool   // its last line may still be written to
	foreign  string // a pipeline that has batches in it; "": none
	ended    bool   // nothing more to read
	finished bool
	unacked  int
}

// openSpool reads a claimed file from its beginning, and gives the batches of one pipeline.
func openSpool(claim *linefile.Claim, pipeline string, log *slog.Logger) (*spool, error) {
	st, err := claim.File.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := claim.File.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	compression, err := sniff(claim)
	if err != nil {
		return nil, err
	}
	s := &spool{claim: claim, log: log, size: st.Size()}
	plain, err := encode.NewReader(claim.File, compression)
	if err != nil {
		plain = io.NopCloser(bytes.NewReader(nil))
		if !errors.Is(err, io.ErrUnexpectedEOF) { // its first write was cut off: then there is nothing in it
			if err = s.judge(err); err != io.EOF {
				return nil, err
			}
		}
	}
	size := st.Size()
	if compression != encode.None {
		size = -1
	}
	s.plain = plain
	s.reader = linefile.NewUnsealer(plain, 0, size, st.ModTime().UTC())
	s.reader.Only(pipeline)
	if age := time.Since(st.ModTime()); age >= 0 && age < restAge {
		s.reader.Hold()
	}
	if s.done, err = openDone(claim.Path); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	log.Debug("recovering a fallback file", "path", claim.Path, "bytes", st.Size(), "batches_home", len(s.done.spans))
	return s, nil
}

// magic is how a compressed file begins.
var magic = map[encode.Compression][]byte{encode.Gzip: {0x1f, 0x8b}, encode.Zstd: {0x28, 0xb5, 0x2f, 0xfd}}

// sniff looks at the first bytes, because the name may be from another configuration. Of a file that was cut off within them the name says
// the rest.
func sniff(c *linefile.Claim) (encode.Compression, error) {
	var first [4]byte
	n, err := c.File.ReadAt(first[:], 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	for compression, begin := range magic {
		if bytes.HasPrefix(first[:n], begin) || n > 0 && bytes.HasPrefix(begin, first[:n]) && encode.CompressionOf(c.Path) == compression {
			return compression, nil
		}
	}
	return encode.None, nil
}

// next reads the next batch that is not home yet. After io.EOF or any other error there is nothing more.
func (s *spool) next(b *engine.Batch) (linefile.Span, error) {
	for {
		if to, ok := s.done.spans[s.reader.Offset()]; ok {
			if err := s.reader.Skip(to - s.reader.Offset()); err != nil {
				return linefile.Span{}, s.judge(err)
			}
			continue
		}
		span, err := s.reader.Next(b)
		var cut *linefile.CutError
		var damage *linefile.DamageError
		var foreign *linefile.ForeignError
		switch {
		case err == nil:
			if b.ID == "" {
				stripErrors(b)
			}
			return span, nil
		case errors.As(err, &cut):
			s.log.Warn("the last write to a fallback file was cut off, and never answered; it is left out", "path", s.claim.Path, "at", cut.At)
		case errors.As(err, &damage):
			s.damaged(damage)
		case errors.As(err, &foreign):
			s.foreign = foreign.Pipeline
		case errors.Is(err, linefile.ErrTail):
			s.held = true
			return span, io.EOF
		default:
			return span, s.judge(err)
		}
	}
}

// judge tells what is wrong with the content, which is the end of the file and no error of its own, from what is
// wrong with the disk.
func (s *spool) judge(err error) error {
	var disk *fs.PathError
	if err == io.EOF || errors.As(err, &disk) {
		return err
	}
	at := int64(0)
	if s.reader != nil {
		at = s.reader.Offset()
	}
	s.damaged(fmt.Errorf("the rest from byte %d on cannot be read: %w", at, err))
	return io.EOF
}

func (s *spool) damaged(why error) {
	s.damage = errors.Join(s.damage, why)
	s.log.Error("a part of a fallback file is damaged; the file will be kept", "path", s.claim.Path, "error", why)
}

// finish ends a file of which everything that can be read is home. It is called again if it fails. spans is what came home last.
func (s *spool) finish(spans []linefile.Span) error {
	stays, err := s.stays()
	switch {
	case err != nil:
	case stays:
		s.done.add(spans, s.log) // the others need not be told: they leave with the file
		s.finished = true
		s.close()
		return nil
	case s.damage != nil:
		err = s.keep()
	default:
		err = remove(s.claim.Path)
	}
	if err != nil {
		s.done.add(spans, s.log)
		return err
	}
	s.finished = true
	s.close()
	s.done.remove()
	return nil
}

// stays reports whether there is something in the file that is not read yet: of a program that goes on writing to it without a
// lock, or of another pipeline. Then it stays, to be looked at again.
func (s *spool) stays() (bool, error) {
	if s.foreign != "" || s.held {
		return true, nil
	}
	if s.damage != nil {
		return false, nil // it is not removed, whatever is in it
	}
	st, err := s.claim.File.Stat()
	if err != nil {
		return false, err
	}
	at, err := s.claim.File.Seek(0, io.SeekCurrent)
	return st.Size() > max(s.size, at), err
}

// keep puts a damaged file out of the way.
func (s *spool) keep() error {
	if err := s.claim.MoveTo(s.claim.Path + linefile.Corrupt); err != nil {
		return err
	}
	s.log.Error("a fallback file with a damaged part is kept; what could be read of it is home", "path", s.claim.Path, "error", s.damage)
	return nil
}

// remove returns when the removal is durable: else a power failure could undo it, and not that of the list of what is home.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return linefile.SyncDir(filepath.Dir(path))
}

// close gives the claim up.
func (s *spool) close() {
	s.plain.Close()
	s.done.close()
	s.claim.Close()
}
