// Package encode turns messages into the bytes of objects and files, and back: two formats, three compressions.
//
// Format lines writes each body followed by a line feed. A body that holds a line feed itself, also at its very end, cannot
// be written that way, because it would be read back as something else: Encode rejects it. An empty body is an empty line.
// A carriage return belongs to the body: readers must split at line feeds alone.
//
// Format envelope writes a JSON object a line and carries any body; see Format.Append.
//
// Everything written is a function of the messages and the configuration alone, so that a batch that is written again
// gives the same bytes again.
package encode

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/logpipe/logpipe/engine"
)

// Format says how messages become lines.
type Format string

// The formats.
const (
	Lines    Format = "lines"    // the body and a line feed
	Envelope Format = "envelope" // a JSON object with the body, its time and what the source knew
)

// FormatFor returns the format that name stands for in a role. Without a name, and with "auto", it is lines for an output
// and envelope for a fallback and a dead letter, because these two must be able to take any message. A dead letter with
// format lines is an error for that reason: what it would not take could go nowhere.
func FormatFor(name string, role engine.Role) (Format, error) {
	auto := name == "" || name == "auto"
	switch f := Format(name); {
	case auto && (role == engine.RoleFallback || role == engine.RoleDeadLetter):
		return Envelope, nil
	case auto:
		return Lines, nil
	case f == Lines && role == engine.RoleDeadLetter:
		return "", engine.AttrErrorf("format", `a dead letter must take every message, and lines cannot carry a line break; use "envelope"`)
	case f == Lines || f == Envelope:
		return f, nil
	}
	return "", engine.AttrErrorf("format", `there is no format %q; use "lines", "envelope" or "auto"`, name)
}

// Compression says how the lines are packed.
type Compression string

// The compressions.
const (
	None Compression = "none"
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
)

// CompressionOf returns the compression that the end of a file name or object key stands for.
func CompressionOf(name string) Compression {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return Gzip
	case strings.HasSuffix(name, ".zst"):
		return Zstd
	}
	return None
}

// Extension is the usual end of a name: ".gz", ".zst" or nothing.
func (c Compression) Extension() string {
	switch c {
	case Gzip:
		return ".gz"
	case Zstd:
		return ".zst"
	}
	return ""
}

// MaxLevel is the highest level: 9 for gzip, 22 for zstd, whose levels stand for the nearest of the library's four.
func (c Compression) MaxLevel() int {
	switch c {
	case Gzip:
		return 9
	case Zstd:
		return 22
	}
	return 0
}

// CheckLevel returns the mistake in an attribute compression_level as an engine.AttrError, or nil. Level 0 is the default.
func (c Compression) CheckLevel(level int) error {
	switch {
	case level == 0:
		return nil
	case c.MaxLevel() == 0:
		return engine.AttrErrorf("compression_level", `there is no level without compression; set compression to "gzip" or "zstd"`)
	case level < 0 || level > c.MaxLevel():
		return engine.AttrErrorf("compression_level", "%s has levels 1 to %d, and 0 for the default; this is %d", c, c.MaxLevel(), level)
	}
	return nil
}

// Encoder makes Buffers of one format and compression. It is safe for concurrent use.
type Encoder struct {
	format      Format
	compression Compression
	level       int
	buffers     sync.Pool // of *Buffer
	compressors sync.Pool // of compressor
}

// New makes an Encoder. Level 0 is the compression's default.
func New(format Format, compression Compression, level int) (*Encoder, error) {
	if format != Lines && format != Envelope {
		return nil, engine.AttrErrorf("format", `there is no format %q; use "lines" or "envelope"`, format)
	}
	if compression != None && compression.Extension() == "" {
		return nil, engine.AttrErrorf("compression", `there is no compression %q; use "none", "gzip" or "zstd"`, compression)
	}
	if err := compression.CheckLevel(level); err != nil {
		return nil, err
	}
	return &Encoder{format: format, compression: compression, level: level}, nil
}

// Format is how messages become lines.
func (e *Encoder) Format() Format { return e.format }

// Compression is how the lines are packed.
func (e *Encoder) Compression() Compression { return e.compression }

// Check returns why the format cannot carry body, nil when it can. The error is marked by engine.Permanent.
func (f Format) Check(body []byte) error {
	if f != Lines {
		return nil
	}
	if i := bytes.IndexByte(body, '\n'); i >= 0 {
		return engine.Permanent(&LineBreakError{At: i})
	}
	return nil
}

// LineBreakError says that a body cannot be one line.
type LineBreakError struct{ At int }

func (e *LineBreakError) Error() string {
	return fmt.Sprintf("line break at byte %d of the body: format lines keeps one message a line; format envelope carries any body", e.At)
}

// Encode writes all messages of b, and b.Reasons where it has some, into a finished Buffer. Messages that the format cannot
// carry are left out and marked with b.Reject; Buffer.Messages says how many were written.
func (e *Encoder) Encode(b *engine.Batch) (*Buffer, error) {
	buf := e.Buffer()
	for i := range b.Messages {
		m := &b.Messages[i]
		if why := e.format.Check(m.Body); why != nil {
			b.Reject(i, why)
			continue
		}
		var reason error
		if i < len(b.Reasons) {
			reason = b.Reasons[i]
		}
		buf.Append(m, reason)
	}
	if err := buf.Finish(); err != nil {
		buf.Release()
		return nil, err
	}
	return buf, nil
}

// Rehearse rejects the messages that Encode would reject.
func (f Format) Rehearse(b *engine.Batch) {
	for i := range b.Messages {
		if why := f.Check(b.Messages[i].Body); why != nil {
			b.Reject(i, why)
		}
	}
}

// newCompressor makes a compressor whose output depends on its input alone: gzip headers carry no time, and zstd works
// in the calling goroutine.
func (e *Encoder) newCompressor() (compressor, error) {
	if e.compression == Gzip {
		level := e.level
		if level == 0 {
			level = defaultGzipLevel
		}
		z, err := gzip.NewWriterLevel(nil, level)
		return gzipWriter{z}, err
	}
	level := zstd.SpeedDefault
	if e.level != 0 {
		level = zstd.EncoderLevelFromZstd(e.level)
	}
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
}

// gzipWriter writes a header without a time. The library makes the year 2042 of a time that is not set.
type gzipWriter struct{ *gzip.Writer }

func (z gzipWriter) Reset(w io.Writer) {
	z.Writer.Reset(w)
	z.ModTime = time.Unix(0, 0)
}

const (
	// defaultGzipLevel makes logs 10-20 % smaller than 1; 6 gains 3 % more and takes a fifth longer.
	defaultGzipLevel = 5
	// zstdWindow bounds what a compressor keeps in memory, and what a reader must. Logs repeat what is near: measured, 1 MiB made them no smaller
	// and took twice the memory for each worker.
	zstdWindow = 256 << 10
)
