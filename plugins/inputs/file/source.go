package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// source is one claimed file.
type source struct {
	name  string // before it was claimed
	claim *linefile.Claim
	plain io.Closer // of the decompressor
	lines *linefile.Reader

	progress *progress
	chunks   []*chunk // on their way, in the order of the file, behind what is settled

	ended     bool  // read as far as it goes
	unsettled int   // chunks
	damage    error // of the content: people have to look at it
	unread    bool  // the disk failed: it is to be read again
}

// find lists the files that a pattern stands for: new ones, and those that an earlier life claimed. why says what people
// should know.
func find(pattern string) (paths []string, why string) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err.Error()
	}
	literal := !strings.ContainsAny(pattern, `*?[\`)
	for _, path := range matches {
		st, err := os.Lstat(path)
		switch {
		case err != nil: // gone since
		case st.Mode().IsRegular() && st.Size() > 0 && (literal || !linefile.Reserved(path)):
			paths = append(paths, path)
		case literal && st.IsDir():
			why = "path is a folder: name the files in it, as in a pattern that ends in /*.log"
		case st.Mode()&fs.ModeSymlink != 0:
			why = "path is a symbolic link, and is left alone: name the file that it leads to"
		}
	}
	if literal && len(matches) == 0 {
		why = "there is no such file"
	}
	claims, _ := filepath.Glob(pattern + ".*" + linefile.Reading)
	for _, path := range claims {
		if matched, _ := filepath.Match(pattern, linefile.Original(path)); matched {
			paths = append(paths, path)
		}
	}
	return paths, why
}

// claim makes the file at path ours. It returns nil and no error when another process was first.
func claim(ctx context.Context, path string, longest int, log *slog.Logger) (*source, error) {
	name, take := path, linefile.Take
	if original := linefile.Original(path); original != "" {
		name, take = original, linefile.TryTake
	}
	c, err := take(ctx, path)
	if c == nil || err != nil {
		return nil, err
	}
	s := &source{name: name, claim: c, progress: &progress{}}
	if name != path { // else it is new, and a file of that name is none of ours
		s.progress = loadProgress(path)
	}
	to := linefile.Claimed(name)
	old := s.progress.follow(to, log)
	// Renamed even if it is a claim already: where that is not possible, it could not leave when it is read either, and
	// would be read again and again.
	if err := c.MoveTo(to); err != nil {
		s.progress.remove()
		return nil, errors.Join(err, c.Close())
	}
	if old != "" {
		os.Remove(old)
	}
	if err := s.open(longest); err != nil {
		s.giveBack(log)
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
		err = s.lines.Skip(s.progress.at)
		if errors.As(err, &disk) {
			return err
		}
		if err != io.EOF {
			return nil // other damage shows at the first read
		}
		plain.Close()
		s.progress.at = 0 // it was cut from outside: what is in it now is new
		s.progress.remove()
	}
}

// broken is a file that cannot be unpacked.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// finish is called when everything that was read is settled. It reports whether somebody else goes on writing.
func (s *source) finish(keep bool, log *slog.Logger) (grew bool, err error) {
	if s.unread {
		s.giveBack(log)
		return false, nil
	}
	defer s.close()
	defer func() {
		if !grew && err == nil {
			s.progress.remove() // behind the file: without it all of that would be read again
		}
	}()
	if s.damage != nil {
		if err := s.keep(linefile.Failed); err != nil {
			return false, err
		}
		log.Error("file is kept, and not read again: a part of it could not be read", "path", s.claim.Path, "error", s.damage)
		return false, nil
	}
	if grew, err = s.grew(); err != nil {
		return false, err
	}
	switch {
	case grew:
		s.giveBack(log)
		log.Warn("another program still writes to a file that was read; it will be read on", "path", s.claim.Path)
		return true, nil
	case keep:
		return false, s.keep(linefile.Delivered)
	}
	return false, s.claim.Remove()
}

// keep gives the file its last name: that which it had, with an end, and with the time too if there is such a file already.
func (s *source) keep(end string) error {
	err := s.claim.MoveNew(s.name + end)
	for tries := 0; errors.Is(err, fs.ErrExist) && tries < 10; tries++ {
		err = s.claim.MoveNew(strings.TrimSuffix(linefile.Claimed(s.name), linefile.Reading) + end)
	}
	return err
}

// grew reports whether there is something behind what was read.
func (s *source) grew() (bool, error) {
	st, err := s.claim.File.Stat()
	if err != nil {
		return false, err
	}
	at, err := s.claim.File.Seek(0, io.SeekCurrent)
	return at != st.Size(), err
}

// giveBack ends the claim of a file that has to be read on. One of which nothing is settled gets its name back unless there is a new
// file of that name; the others are found by the name of the claim.
func (s *source) giveBack(log *slog.Logger) {
	defer s.close()
	if s.progress.at == 0 {
		s.claim.MoveBack(s.name)
		s.progress.remove()
		return
	}
	s.progress.note(log)
	if err := s.progress.sync(); err != nil {
		log.Warn("cannot make durable how much of a file is settled; a power failure would repeat it", "path", s.progress.path, "error", err)
	}
}

func (s *source) close() {
	if s.plain != nil {
		s.plain.Close()
	}
	s.progress.close()
	s.claim.Close()
}
