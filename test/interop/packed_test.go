package interop

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"

	"github.com/klauspost/compress/zstd"
)

// packed is what a writer put into a body before it packed it. Encoding is the content encoding of that; nil is the one that the packed message has, too.
type packed struct {
	Body     []byte
	Encoding *string
}

// headerCompression is where kombu says how a body is packed.
const headerCompression = "compression"

// packing is a body as writers pack it, by the property content-encoding.
type packing struct {
	encoding string
	body     []byte
	in       *packed // nil where logpipe leaves the body as it came
}

func packings() map[string]packing {
	text := []byte(`{"source":"app1","text":"Grüße"}`)
	nothing, utf8 := "", "UTF-8"
	plain, mixed := &packed{text, &nothing}, &packed{text, &utf8}
	gz := pack(text, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	z := pack(text, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	bare := pack(text, func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, flate.BestSpeed); return f }) // the level is one of its own
	zs := pack(text, func(w io.Writer) io.WriteCloser { e, _ := zstd.NewWriter(w); return e })                     // without options
	return map[string]packing{
		"gzip": {"gzip", gz, plain}, "deflate": {"deflate", z, plain}, "deflate-bare": {"deflate", bare, plain}, "zstd": {"zstd", zs, plain},
		"spring": {"gzip:UTF-8", gz, mixed}, "twice": {"gzip, gzip", pack(gz, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }), plain},
		"broken": {"gzip", gz[:len(gz)-3], nil}, "no-gzip": {"gzip", text, nil}, "unknown": {"br", gz, nil},
	}
}

func pack(text []byte, open func(io.Writer) io.WriteCloser) []byte {
	var out bytes.Buffer
	w := open(&out)
	_, _ = w.Write(text) // to memory
	_ = w.Close()
	return out.Bytes()
}

// unpacked is a message as it leaves logpipe when it came packed.
func (p *packed) unpacked(m *incoming) {
	if p == nil {
		return
	}
	m.Body = p.Body
	delete(m.Headers, headerCompression)
	switch pair, ok := m.Properties["content_encoding"].([]any); {
	case p.Encoding == nil:
	case *p.Encoding == "":
		delete(m.Properties, "content_encoding")
	case ok:
		m.Properties["content_encoding"] = []any{pair[0], *p.Encoding}
	}
}
