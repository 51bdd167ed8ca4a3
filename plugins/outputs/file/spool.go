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

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// spool is one claimed file of a fallback on its way home.
type spool struct {
	claim  *linefile.Claim
	plain  io.Closer // of the decompressor
	reader *linefile.Unsealer
	done   *doneList
	log    *slog.Logger

	damage   error // of the file's content: it is kept for people to look at
	ended    bool  // nothing more to read
	finished bool
	unacked  int
}

// openSpool reads a claimed file from its beginning.
func openSpool(claim *linefile.Claim, log *slog.Logger) (*spool, error) {
	st, err := claim.File.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := claim.File.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	compression, err := sniff(claim.File)
	if err != nil {
		return nil, err
	}
	s := &spool{claim: claim, log: log}
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
	if s.done, err = openDone(claim.Path); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	log.Debug("recovering a fallback file", "path", claim.Path, "bytes", st.Size(), "batches_home", len(s.done.spans))
	return s, nil
}

// sniff looks at the first bytes, because the name may be from another configuration.
func sniff(f *os.File) (encode.Compression, error) {
	var magic [4]byte
	n, err := f.ReadAt(magic[:], 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	switch {
	case bytes.HasPrefix(magic[:n], []byte{0x1f, 0x8b}):
		return encode.Gzip, nil
	case bytes.HasPrefix(magic[:n], []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return encode.Zstd, nil
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

// finish ends a file of which everything that can be read is home. It is called again if it fails.
func (s *spool) finish() error {
	path := s.claim.Path
	if s.damage != nil {
		if err := s.claim.MoveTo(path + linefile.Corrupt); err != nil {
			return err
		}
		s.log.Error("a fallback file with a damaged part is kept; what could be read of it is home", "path", s.claim.Path, "error", s.damage)
	} else if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.finished = true
	s.close()
	s.done.remove()
	return linefile.SyncDir(filepath.Dir(path))
}

// close gives the claim up.
func (s *spool) close() {
	s.plain.Close()
	s.done.close()
	s.claim.Close()
}
