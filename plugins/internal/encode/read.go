package encode

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/logpipe/logpipe/internal/ourwords"
)

// maxWindow bounds the memory that a zstd frame may ask for. It is what the program zstd takes with --long, and far above what is written here;
// without it a file of a few bytes makes its reader reserve half a gigabyte and more.
const maxWindow = 128 << 20

// NewReader unpacks what r holds: one frame, several that follow each other, or nothing at all. A frame that is cut off
// ends in io.ErrUnexpectedEOF after what could be read of it. Close frees memory, and does not close r.
func NewReader(r io.Reader, compression Compression) (io.ReadCloser, error) {
	switch compression {
	case None:
		return io.NopCloser(r), nil
	case Zstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("read zstd: %w", err)
		}
		return z.IOReadCloser(), nil
	case Gzip:
		br := bufio.NewReaderSize(r, 64<<10)
		if _, err := br.Peek(1); err == io.EOF { // gzip calls it an error, but nothing written is nothing to read
			return io.NopCloser(br), nil
		}
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
		return z, nil
	}
	return nil, fmt.Errorf("there is no compression %q", compression)
}

// Record is a message as it was read back.
type Record struct {
	Body       []byte
	Time       time.Time // zero in format lines
	ID         string
	RoutingKey string
	// Headers has int64, uint64 and float64 numbers, strings, and []byte where they were written as base64.
	Headers map[string]any
	Reason  string
}

// ReadAll reads all messages of an object or file.
func ReadAll(r io.Reader, format Format, compression Compression) ([]Record, error) {
	unpacked, err := NewReader(r, compression)
	if err != nil {
		return nil, err
	}
	defer unpacked.Close()
	var records []Record
	for lines := bufio.NewReader(unpacked); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return records, nil
		}
		if err == io.EOF {
			err = errors.New("the last line is cut off")
		}
		if err != nil {
			return records, err
		}
		record, err := format.Decode(line[:len(line)-1])
		if err != nil {
			return records, fmt.Errorf("line %d: %w", len(records)+1, err)
		}
		records = append(records, record)
	}
}

// Decode reads one line, without its line feed, that Append wrote. The Record of format lines shares line's memory.
func (f Format) Decode(line []byte) (Record, error) {
	if f == Lines {
		return Record{Body: line}, nil
	}
	var e struct {
		Time       time.Time      `json:"time"`
		ID         string         `json:"id"`
		RoutingKey string         `json:"routing_key"`
		Headers    map[string]any `json:"headers"`
		Reason     string         `json:"reason"`
		Body       *string        `json:"body"`
		Base64     *string        `json:"body_base64"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber() // a float64 would round large integers
	if err := d.Decode(&e); err != nil {
		return Record{}, fmt.Errorf("read envelope: %w", ourwords.Of(err))
	}
	r := Record{Time: e.Time, ID: e.ID, RoutingKey: e.RoutingKey, Reason: e.Reason}
	for name, v := range e.Headers {
		e.Headers[name] = readValue(v)
	}
	r.Headers = e.Headers
	switch {
	case (e.Body == nil) == (e.Base64 == nil):
		return Record{}, errors.New("read envelope: it has neither body nor body_base64, or both")
	case e.Body != nil:
		r.Body = []byte(*e.Body)
		return r, nil
	}
	var err error
	if r.Body, err = base64.StdEncoding.DecodeString(*e.Base64); err != nil {
		return Record{}, fmt.Errorf("read envelope: body_base64: %w", ourwords.Of(err))
	}
	return r, nil
}

// readValue undoes appendValue, as far as JSON keeps what a value was.
func readValue(value any) any {
	switch v := value.(type) {
	case json.Number:
		return readNumber(v.String())
	case []any:
		for i := range v {
			v[i] = readValue(v[i])
		}
	case map[string]any:
		if text, ok := v["base64"].(string); ok && len(v) == 1 {
			if b, err := base64.StdEncoding.DecodeString(text); err == nil {
				return b
			}
		}
		for name := range v {
			v[name] = readValue(v[name])
		}
	}
	return value
}

func readNumber(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n
	}
	n, _ := strconv.ParseFloat(s, 64) // out of range is an infinity, which is the nearest there is
	return n
}
