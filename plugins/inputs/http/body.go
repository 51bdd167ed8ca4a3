package http

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// budget is memory that all requests share. Nobody waits for it: who gets none is sent away.
type budget struct {
	limit int64
	used  atomic.Int64
}

// charge is what one request has of the budget.
type charge struct {
	*budget
	bytes int64
}

// take asks for n bytes more.
func (c *charge) take(n int) bool {
	if c.used.Add(int64(n)) > c.limit {
		c.used.Add(-int64(n))
		return false
	}
	c.bytes += int64(n)
	return true
}

// release gives all of it back. It may be called again.
func (c *charge) release() {
	c.used.Add(-c.bytes)
	c.bytes = 0
}

var errTooLarge = errors.New("the body is too large")

// firstBytes is the most memory that a request gets for the length that it claims to have, before it has sent anything.
const firstBytes = 1 << 20

// readBody reads the body of a request and unpacks it. What is packed is read to its end first, so that a client that is slow keeps nobody
// from unpacking.
func readBody(r *http.Request, pack encode.Compression, limit int, c *charge) ([]byte, error) {
	hint := int(min(max(r.ContentLength, 0), firstBytes)) // r.ContentLength is -1 when it is not known
	if pack == encode.None {
		return fill(r.Body, nil, hint, limit, c)
	}
	buffer := packed.Get().(*[]byte)
	defer packed.Put(buffer)
	if !c.take(cap(*buffer)) {
		return nil, tooManyBytes
	}
	data, err := fill(r.Body, (*buffer)[:0], hint, limit, c)
	if cap(data) <= firstBytes {
		*buffer = data
	}
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return unpack(data, pack, limit, c)
}

// packed are buffers for what is unpacked at once. What is unpacked the messages keep.
var packed = sync.Pool{New: func() any { return new([]byte) }}

// fill reads r to its end into buf, which grows to hint at once, and further up to limit.
func fill(r io.Reader, buf []byte, hint, limit int, c *charge) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			if len(buf) >= limit {
				return buf, more(r)
			}
			size := min(max(2*cap(buf), 512), limit)
			if cap(buf) < hint {
				size = min(hint, limit)
			}
			if !c.take(size - cap(buf)) {
				return buf, tooManyBytes
			}
			grown := make([]byte, len(buf), size)
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > limit: // a buffer of another request may be longer
			return buf, errTooLarge
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}

// more says errTooLarge when there is another byte in r.
func more(r io.Reader) error {
	var one [1]byte
	switch n, err := io.ReadFull(r, one[:]); {
	case n > 0:
		return errTooLarge
	case err != io.EOF:
		return err
	}
	return nil
}

// unpackers bounds how many bodies are unpacked at once. More than there are processors would not be sooner, and an unpacker takes
// memory beside the budget, for zstd up to twice maxWindow.
var unpackers = make(chan struct{}, runtime.GOMAXPROCS(0))

// maxWindow is what a decoder of zstd must take, and the most that it should (RFC 8878, 3.1.1.1.2). A frame may ask for gigabytes.
const maxWindow = 8 << 20

var (
	gunzips = sync.Pool{New: func() any { return new(gzip.Reader) }}
	unzstds = sync.Pool{New: func() any {
		z, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow)) // these are fine
		return z
	}}
)

func unpack(data []byte, pack encode.Compression, limit int, c *charge) ([]byte, error) {
	unpackers <- struct{}{}
	defer func() { <-unpackers }()
	var r io.Reader
	if pack == encode.Gzip {
		z := gunzips.Get().(*gzip.Reader)
		defer gunzips.Put(z)
		if err := z.Reset(bytes.NewReader(data)); err != nil {
			return nil, damaged("the body is not gzip", err)
		}
		r = z
	} else {
		z := unzstds.Get().(*zstd.Decoder)
		defer unzstds.Put(z)
		defer z.Reset(nil)
		if err := z.Reset(bytes.NewReader(data)); err != nil {
			return nil, damaged("the body is not zstd", err)
		}
		r = z
	}
	body, err := fill(r, nil, min(unpackedSize(data, pack), limit), limit, c)
	var a answer
	switch {
	case err == nil:
		return clip(body), nil
	case errors.Is(err, errTooLarge), errors.As(err, &a):
		return nil, err
	}
	return nil, damaged("the body is damaged "+string(pack), err)
}

// unpackedSize guesses how long a body is unpacked, so that it need not be copied again and again while it grows. What the body itself says is
// believed as far as deflate could bear it out.
func unpackedSize(data []byte, pack encode.Compression) int {
	says := uint64(8 * len(data))
	var head zstd.Header
	switch {
	case pack == encode.Gzip && len(data) > 4:
		says = uint64(binary.LittleEndian.Uint32(data[len(data)-4:]))
	case pack == encode.Zstd && head.Decode(data) == nil && head.HasFCS:
		says = head.FrameContentSize
	}
	return int(min(says, 1024*uint64(len(data)))) + 1 // which shows the end without growing
}

// clip copies a body that fills its memory badly: it may stay for long.
func clip(body []byte) []byte {
	if cap(body)-len(body) > len(body)/2 {
		return bytes.Clone(body)
	}
	return body
}
