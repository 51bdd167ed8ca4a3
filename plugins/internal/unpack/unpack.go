package unpack

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Unpacker undoes packings, one body at a time. Between two bodies it keeps what makes the next one cheap.
type Unpacker struct {
	most int
	gzip *gzip.Reader
	zstd *zstd.Decoder
}

// New returns an Unpacker of bodies that take at most so many bytes when they are unpacked.
func New(most int64) *Unpacker {
	return &Unpacker{most: int(min(most, math.MaxInt32-1))}
}

// Error is why a body stays packed: what is wrong, and what to do.
type Error struct {
	word  string // one of the reasons below
	text  string
	cause error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.text + ": " + e.cause.Error()
	}
	return e.text
}

// Unwrap returns what the decoder said.
func (e *Error) Unwrap() error { return e.cause }

// Class is for engine.ClassOf.
func (e *Error) Class() string { return e.word }

// Reason is the same word, for the header of a dead letter.
func (e *Error) Reason() string { return e.word }

// Reasons of an Error.
const (
	Broken   = "packing_broken"
	TooLarge = "packing_too_large"
	Unknown  = "packing_unknown"
)

// Body undoes what a content encoding says was done. It returns the body itself where that is nothing, and an *Error where it cannot.
func (u *Unpacker) Body(body []byte, encoding string) ([]byte, error) {
	if len(body) == 0 {
		return body, nil
	}
	var todo []Coding
	for _, name := range split(encoding) {
		switch coding := names[name]; {
		case coding != "":
			todo = append(todo, coding)
		case slices.Contains(foreign, name), !isText(name) && !utf8.Valid(body) && len(todo) == 0:
			return nil, &Error{word: Unknown, text: fmt.Sprintf("the content encoding %q is none that is unpacked: let the producer use gzip, deflate, zstd or bzip2, "+
				"or set unpack = false to take bodies as they come", encoding)}
		}
	}
	if len(todo) > packings {
		return nil, &Error{word: Unknown, text: fmt.Sprintf("the content encoding %q names more than %d packings", encoding, packings)}
	}
	if n := len(todo); n > 1 && !todo[n-1].begins(body) && todo[0].begins(body) {
		slices.Reverse(todo) // Spring AMQP's order with a comma
	}
	for _, coding := range slices.Backward(todo) {
		var err error
		if body, err = u.undo(body, coding); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// isText reports whether the name is of a character set or an encoding that says nothing of a packing. Bodies of these may be no UTF-8.
func isText(name string) bool {
	switch name {
	case "identity", "none", "binary", "7bit", "8bit", "base64", "quoted-printable", "raw", "bytes":
		return true
	}
	return slices.ContainsFunc([]string{"utf", "us-ascii", "ascii", "iso", "latin", "windows", "cp", "ibm", "koi8", "mac", "big5", "gb", "euc", "shift", "sjis", "ucs", "tis"},
		func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// begins reports whether a body begins as one that is packed so.
func (c Coding) begins(body []byte) bool {
	switch c {
	case Gzip:
		return isGzip(body) || isZlib(body) // see names
	case Zstd:
		return bytes.HasPrefix(body, []byte{0x28, 0xb5, 0x2f, 0xfd})
	case Bzip2:
		return bytes.HasPrefix(body, []byte("BZh"))
	}
	return isZlib(body)
}

func isGzip(b []byte) bool { return len(b) > 1 && b[0] == 0x1f && b[1] == 0x8b }

// isZlib looks at zlib's two first bytes, which have a check (RFC 1950, 2.2).
func isZlib(b []byte) bool {
	return len(b) > 1 && b[0]&0x0f == 8 && b[0]>>4 <= 7 && (uint(b[0])<<8|uint(b[1]))%31 == 0
}

func (u *Unpacker) undo(body []byte, coding Coding) ([]byte, error) {
	in := bytes.NewReader(body)
	r, err := u.open(in, coding)
	if err == nil {
		var out []byte
		if out, err = u.read(r, len(body)); err == nil && in.Len() > 0 {
			err = fmt.Errorf("%d bytes follow behind its end", in.Len())
		}
		if err == nil {
			return out, nil
		}
	}
	if errors.Is(err, errTooLarge) || errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return nil, &Error{word: TooLarge, text: fmt.Sprintf("%d bytes of %s are more than max_unpacked_bytes = %d when they are unpacked: let it be larger, or the producer send less",
			len(body), coding, u.most)}
	}
	return nil, &Error{word: Broken, cause: err,
		text: fmt.Sprintf("the body is no whole %s, as which it came: look at its producer, or set unpack = false to take bodies as they come", coding)}
}

// largestWindow is what a frame of zstd may make a decoder hold ready beside what it gives: most programs write up to 8 MiB (RFC 8878, 3.1.1.1.2).
const largestWindow = 8 << 20

func (u *Unpacker) open(in *bytes.Reader, coding Coding) (io.Reader, error) {
	head := make([]byte, min(2, in.Len()))
	_, _ = in.ReadAt(head, 0) // of memory, and as long as it is
	switch {
	case coding == Zstd:
		if u.zstd == nil {
			var err error
			u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(uint64(max(u.most, largestWindow))), zstd.WithDecoderMaxMemory(uint64(max(u.most, largestWindow))))
			if err != nil {
				return nil, err
			}
		}
		return u.zstd, u.zstd.Reset(in)
	case coding == Bzip2:
		return bzip2.NewReader(in), nil
	case isZlib(head):
		return zlib.NewReader(in)
	case coding == Deflate:
		return flate.NewReader(in), nil
	case u.gzip == nil:
		u.gzip = new(gzip.Reader)
	}
	return u.gzip, u.gzip.Reset(in)
}

var errTooLarge = errors.New("too large")

// read reads to the end, at most as much as a body may have. What it returns has little more room than it needs.
func (u *Unpacker) read(r io.Reader, packed int) ([]byte, error) {
	out := make([]byte, 0, min(4*packed+512, u.most+1))
	for {
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out) > u.most:
			return nil, errTooLarge
		case err == io.EOF:
			return slices.Clip(fitted(out)), nil
		case err != nil:
			return nil, err
		case len(out) == cap(out):
			grown := make([]byte, len(out), min(2*cap(out), u.most+1))
			copy(grown, out)
			out = grown
		}
	}
}

// fitted is a body in memory of its size, where it would waste much: it may be held for long.
func fitted(b []byte) []byte {
	if cap(b)-len(b) > len(b)/4 {
		return bytes.Clone(b)
	}
	return b
}
