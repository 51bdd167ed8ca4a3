package tally

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// An object that is not unpacked has no numbers in it: all its messages would count as missing.
func TestUnpack(t *testing.T) {
	const text = `{"seq":1}` + "\n" + `{"seq":2}` + "\n"
	for key, pack := range map[string]func(io.Writer) (io.WriteCloser, error){
		"a.ndjson":     func(w io.Writer) (io.WriteCloser, error) { return plain{w}, nil },
		"a.ndjson.gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"a.ndjson.zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	} {
		var object bytes.Buffer
		w, err := pack(&object)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := unpack(key, &object)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		found := New()
		if err := found.Lines(r); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if missing := Missing(1, 2, found); len(missing) > 0 || found.Twice() > 0 {
			t.Errorf("%s: missing %v, twice %d", key, missing, found.Twice())
		}
	}
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }
