package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// spool is one claimed file of a fallback on its way home.
type spool struct {
	claim    *linefile.Claim
	pipeline string    // whose batches are given
	plain    io.Closer // of the decompressor
	reader   *linefile.Unsealer
	log      *slog.Logger
	size     int64 // when it was opened

	damage  error  // of the file's content: it is kept for people to look at
	held    bool   // its last line may still be written to
	foreign string // a pipeline that has batches in it; "": none
	ended   bool   // nothing more to read
	unacked int
}

// openSpool reads a claimed file from its beginning, and gives the batches of one pipeline. resting says that nobody writes to it any more.
func openSpool(claim *linefile.Claim, pipeline string, resting bool, log *slog.Logger) (*spool, error) {
	s := &spool{claim: claim, pipeline: pipeline, log: log}
	if err := s.rewind(resting); err != nil {
		return nil, err
	}
	log.Debug("recovering a fallback file", "path", claim.Path, "bytes", s.size, "batches_home", claim.Notes.Len())
	return s, nil
}

// rewind begins anew at the beginning of the file.
func (s *spool) rewind(resting bool) error {
	s.reader = nil
	st, err := s.claim.File.Stat()
	if err != nil {
		return err
	}
	if _, err := s.claim.File.Seek(0, io.SeekStart); err != nil {
		return err
	}
	compression, err := sniff(s.claim)
	if err != nil {
		return err
	}
	plain, err := encode.NewReader(s.claim.File, compression)
	if err != nil {
		plain = io.NopCloser(bytes.NewReader(nil))
		if !errors.Is(err, io.ErrUnexpectedEOF) { // its first write was cut off: then there is nothing in it
			if err = s.judge(err); err != io.EOF {
				return err
			}
		}
	}
	size := st.Size()
	if compression != encode.None {
		size = -1
	}
	s.size, s.plain = st.Size(), plain
	s.reader = linefile.NewUnsealer(plain, 0, size, st.ModTime().UTC())
	s.reader.Only(s.pipeline)
	if !resting {
		s.reader.Hold()
	}
	return nil
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
		if to, ok := s.claim.Notes.End(s.reader.Offset()); ok {
			if err := s.pass(to); err != nil {
				return linefile.Span{}, err
			}
			continue
		}
		span, err := s.reader.Next(b)
		if err == nil {
			if b.ID == "" {
				stripErrors(b)
			}
			return span, nil
		}
		if err = s.learn(err); err != nil {
			return span, err
		}
	}
}

// learn notes what an error says of the file. It returns nil where reading goes on behind it.
func (s *spool) learn(err error) error {
	var cut *linefile.CutError
	var damage *linefile.DamageError
	var foreign *linefile.ForeignError
	switch {
	case errors.As(err, &cut):
		s.log.Warn("the last write to a fallback file was cut off, and never answered; it is left out", "path", s.claim.Path, "at", cut.At)
	case errors.As(err, &damage):
		s.damaged(damage)
	case errors.As(err, &foreign):
		s.foreign = foreign.Pipeline
	case errors.Is(err, linefile.ErrTail):
		s.held = true
		return io.EOF
	default:
		return s.judge(err)
	}
	return nil
}

// pass passes over what is home, up to the offset to. Notes of more than there is are about what the file held before somebody cut it
// from outside: what is in it now is read from its beginning.
func (s *spool) pass(to int64) error {
	err := s.reader.Skip(to - s.reader.Offset())
	if err != io.EOF {
		return s.judge(err)
	}
	s.log.Warn("a fallback file is shorter than what of it came home; it is read from its beginning", "path", s.claim.Path)
	s.claim.Notes.Forget()
	s.stopReading()
	return s.rewind(false)
}

// judge tells what is wrong with the content, which is the end of the file and no error of its own, from what is
// wrong with the disk.
func (s *spool) judge(err error) error {
	var disk *fs.PathError
	if err == nil || err == io.EOF || errors.As(err, &disk) {
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

// leave ends a file of which everything that can be read is home. Where it fails it can be called again. spans is what came home last.
func (s *spool) leave(spans []linefile.Span) error {
	s.claim.Notes.Add(spans...)
	stays, err := s.stays()
	switch {
	case err != nil:
	case stays:
		s.claim.GiveBack("")
	case s.damage != nil:
		if err = s.claim.Keep(s.claim.Path, linefile.Corrupt); err == nil {
			s.log.Error("a fallback file with a damaged part is kept; what could be read of it is home", "path", s.claim.Path, "error", s.damage)
		}
	default: // what came home last need not be noted: it leaves with the file
		err = s.claim.Remove()
	}
	if err != nil {
		s.claim.Notes.Sync()
	}
	return err
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

// stopReading frees what reading takes, when the file gives nothing more.
func (s *spool) stopReading() {
	if s.reader == nil { // it could not be read anew
		return
	}
	s.reader.Close()
	s.plain.Close()
}
