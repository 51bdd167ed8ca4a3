package file

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// A file that this process has not written to its end itself may end in the middle of a write: of a process that died,
// or of another program. What follows finds the end of the last whole write.

// errForeign says that the file holds something behind which nothing of ours may be appended.
var errForeign = errors.New("it ends in something that this output did not write")

// wholeEnd returns the offset up to which f is whole, reading from the offset from, which is known to be such an end.
// size is the size of f.
func (l *live) wholeEnd(f *os.File, from, size int64) (int64, error) {
	section := io.NewSectionReader(f, from, size-from)
	switch {
	case l.compression == encode.Gzip:
		n, err := gzipEnd(section)
		return from + n, err
	case l.compression == encode.Zstd:
		n, err := zstdEnd(section)
		return from + n, err
	case l.sealed:
		return sealedEnd(section, from, size)
	}
	return linesEnd(f, from, size)
}

// linesEnd looks backwards for the last line feed.
func linesEnd(f io.ReaderAt, from, size int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for end := size; end > from; {
		part := buf[:min(int64(len(buf)), end-from)]
		if _, err := f.ReadAt(part, end-int64(len(part))); err != nil {
			return 0, err
		}
		for i := len(part) - 1; i >= 0; i-- {
			if part[i] == '\n' {
				return end - int64(len(part)-1-i), nil
			}
		}
		end -= int64(len(part))
	}
	return from, nil
}

// sealedEnd reads batch after batch.
func sealedEnd(r io.Reader, from, size int64) (int64, error) {
	u := linefile.NewUnsealer(r, from, size, time.Time{})
	for {
		b := &engine.Batch{}
		_, err := u.Next(b)
		var cut *linefile.CutError
		var damage *linefile.DamageError
		switch {
		case err == io.EOF:
			return size, nil
		case errors.As(err, &cut):
			return cut.At, nil
		case errors.As(err, &damage):
			return 0, fmt.Errorf("%w: %w", errForeign, damage)
		case err != nil:
			return 0, err
		case b.ID == "":
			return 0, fmt.Errorf("%w: lines without a header", errForeign)
		}
	}
}

// gzipEnd unpacks member after member, because nothing else tells where one ends.
func gzipEnd(r io.Reader) (int64, error) {
	counted := &counter{r: r}
	br := bufio.NewReaderSize(counted, 64<<10)
	var z gzip.Reader
	for end := int64(0); ; end = counted.n - int64(br.Buffered()) {
		if _, err := br.Peek(1); err == io.EOF {
			return end, nil
		}
		err := z.Reset(br)
		if err == nil {
			z.Multistream(false)
			_, err = io.Copy(io.Discard, &z)
		}
		if err != nil {
			return end, cutOr(err)
		}
	}
}

// zstdEnd goes from block to block without unpacking them; see RFC 8878, section 3.1.1.
func zstdEnd(r io.Reader) (int64, error) {
	counted := &counter{r: r}
	br := bufio.NewReaderSize(counted, 64<<10)
	for end := int64(0); ; end = counted.n - int64(br.Buffered()) {
		if _, err := br.Peek(1); err == io.EOF {
			return end, nil
		}
		if err := skipFrame(br); err != nil {
			return end, cutOr(err)
		}
	}
}

func skipFrame(br *bufio.Reader) error {
	var h zstd.Header
	begin, err := br.Peek(zstd.HeaderMaxSize)
	if err != nil && err != io.EOF {
		return err
	}
	if err := h.Decode(begin); err != nil {
		return err
	}
	if err := skip(br, h.HeaderSize+int(h.SkippableSize)); err != nil || h.Skippable {
		return err
	}
	for last := false; !last; {
		var head [4]byte
		if _, err := io.ReadFull(br, head[:3]); err != nil {
			return noEOF(err)
		}
		n := binary.LittleEndian.Uint32(head[:])
		last = n&1 == 1
		kind, size := n>>1&3, int(n>>3)
		switch kind {
		case 1: // one byte, repeated
			size = 1
		case 3:
			return zstd.ErrReservedBlockType
		}
		if err := skip(br, size); err != nil {
			return err
		}
	}
	if h.HasCheckSum {
		return skip(br, 4)
	}
	return nil
}

func skip(br *bufio.Reader, n int) error {
	_, err := br.Discard(n)
	return noEOF(err)
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// cutOr tells a frame that is cut off, which is no error here, from other mistakes.
func cutOr(err error) error {
	var path *os.PathError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case errors.As(err, &path): // the disk, not the content
		return err
	}
	return fmt.Errorf("%w: %w", errForeign, err)
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
