package unpack

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/logpipe/logpipe/internal/ourwords"
)

func pack(tb testing.TB, body string, open func(io.Writer) io.WriteCloser) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.WriteString(w, body); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(tb testing.TB, body string) []byte {
	return pack(tb, body, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func zlibbed(tb testing.TB, body string) []byte {
	return pack(tb, body, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
}

func bare(tb testing.TB, body string) []byte {
	return pack(tb, body, func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, 5); return z })
}

func zstded(tb testing.TB, body string) []byte {
	return pack(tb, body, func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z })
}

// bzipped is "one line\n" by Python's bz2.compress.
const bzipped = "QlpoOTFBWSZTWTP8DMUAAARRAAAQQAACJaAAMQwA0NPRyEeSUXckU4UJAz/AzFA="

const line = `{"message":"one line"}`

// Packed bodies would be stored as bytes that nobody can read, or be dead letters without a fault of theirs.
func TestBody(t *testing.T) {
	bz, err := base64.StdEncoding.DecodeString(bzipped)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		encoding string
		body     []byte
		want     string
	}{
		{"gzip", gzipped(t, line), line},
		{"GZIP", gzipped(t, line), line},
		{"x-gzip", append(gzipped(t, line), gzipped(t, line)...), line + line},
		{"application/x-gzip", zlibbed(t, line), line},
		{"deflate", zlibbed(t, line), line},
		{"deflate", bare(t, line), line},
		{"zstd", zstded(t, line), line},
		{"zstd", append(zstded(t, line), zstded(t, line)...), line + line},
		{"application/x-bz2", bz, "one line\n"},
		{"gzip:UTF-8", gzipped(t, line), line},
		{"gzip, utf-8", gzipped(t, line), line},
		{"utf-8, gzip", gzipped(t, line), line},
		{"gzip, zstd", zstded(t, string(gzipped(t, line))), line},
		{"zstd, gzip", zstded(t, string(gzipped(t, line))), line},
		{"zstd:gzip", zstded(t, string(gzipped(t, line))), line},
		{"gzip", gzipped(t, ""), ""},
		{"gzip", nil, ""},
		{"identity", []byte(line), line},
		{"utf-8", []byte("\xff"), "\xff"},
		{"ISO-8859-1", []byte("gr\xfcn"), "gr\xfcn"},
		{"binary", []byte{0, 0xff}, "\x00\xff"},
		{"whatever", []byte(line), line},
		{"", []byte(line), line},
	} {
		u := New(1 << 20)
		for range 2 { // the second time with what the first one left
			got, err := u.Body(row.body, row.encoding)
			if err != nil || string(got) != row.want {
				t.Errorf("%q: %q, %v", row.encoding, got, err)
			}
		}
	}
}

// What cannot be unpacked must say so, and must not take more memory than it may.
func TestBodyThatStaysPacked(t *testing.T) {
	zeros := strings.Repeat("\x00", 64<<20)
	cut := func(b []byte) []byte { return b[:len(b)-5] }
	for _, row := range []struct {
		name, encoding string
		body           []byte
		reason, says   string
	}{
		{"cut gzip", "gzip", cut(gzipped(t, line)), Broken, "unpack = false"},
		{"cut zstd", "zstd", cut(zstded(t, line)), Broken, "zstd"},
		{"cut deflate", "deflate", cut(zlibbed(t, line)), Broken, "deflate"},
		{"cut bare deflate", "deflate", cut(bare(t, line)), Broken, "deflate"},
		{"none", "gzip", []byte(line), Broken, "gzip"},
		{"one byte", "gzip", []byte{0x1f}, Broken, "gzip"},
		{"more behind", "deflate", append(zlibbed(t, line), 'x'), Broken, "follow"},
		{"bomb of gzip", "gzip", gzipped(t, zeros), TooLarge, "max_unpacked_bytes"},
		{"bomb of zstd", "zstd", zstded(t, zeros), TooLarge, "max_unpacked_bytes"},
		{"bomb of deflate", "deflate", bare(t, zeros), TooLarge, "max_unpacked_bytes"},
		{"bomb within", "gzip, zstd", zstded(t, string(gzipped(t, zeros))), TooLarge, "max_unpacked_bytes"},
		{"brotli", "br", []byte{0x8b, 0xff}, Unknown, "gzip, deflate, zstd"},
		{"kombu's brotli", "application/x-brotli", []byte("x"), Unknown, "br"},
		{"not known", "frob", []byte{0x8b, 0xff}, Unknown, "frob"},
		{"too often", "gzip,gzip,gzip,gzip,gzip", gzipped(t, line), Unknown, "4"},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := New(1 << 20)
			before := bytes.Clone(row.body)
			_, err := u.Body(row.body, row.encoding)
			var e *Error
			if !errors.As(err, &e) || e.Reason() != row.reason || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%v", err)
			}
			if !bytes.Equal(before, row.body) {
				t.Error("the body was changed")
			}
			if got, err := u.Body(gzipped(t, line), "gzip"); err != nil || string(got) != line {
				t.Errorf("the next one: %q, %v", got, err)
			}
			if got, err := u.Body(zstded(t, line), "zstd"); err != nil || string(got) != line {
				t.Errorf("the next one: %q, %v", got, err)
			}
		})
	}
}

// A body at the limit is good; one byte more is not.
func TestTheLimitIsExact(t *testing.T) {
	u := New(1000)
	for _, pack := range []func(testing.TB, string) []byte{gzipped, zlibbed, bare, zstded} {
		for size, fits := range map[int]bool{1000: true, 1001: false} {
			encoding := "deflate"
			switch b := pack(t, strings.Repeat("x", size)); {
			case isGzip(b):
				encoding = "gzip"
			case Zstd.begins(b):
				encoding = "zstd"
			}
			if _, err := u.Body(pack(t, strings.Repeat("x", size)), encoding); (err == nil) != fits {
				t.Errorf("%s of %d bytes: %v", encoding, size, err)
			}
		}
	}
}

func TestRest(t *testing.T) {
	for encoding, want := range map[string]string{"gzip": "", "gzip:UTF-8": "UTF-8", "utf-8, GZIP": "utf-8", "": "", "utf-8": "utf-8"} {
		if got := Rest(encoding); got != want {
			t.Errorf("%q: %q", encoding, got)
		}
	}
}

// Whatever comes, unpacking ends, within its bound, and leaves the next body a chance.
func FuzzBody(f *testing.F) {
	for _, encoding := range []string{"gzip", "deflate", "zstd", "bzip2", "gzip:utf-8", "zstd, gzip"} {
		f.Add([]byte(line), encoding)
		f.Add(gzipped(f, line), encoding)
		f.Add(zlibbed(f, line), encoding)
		f.Add(zstded(f, line), encoding)
	}
	good := gzipped(f, line)
	f.Fuzz(func(t *testing.T, body []byte, encoding string) {
		u := New(4096)
		before := bytes.Clone(body)
		got, err := u.Body(body, encoding)
		if !bytes.Equal(before, body) {
			t.Error("the body was changed")
		}
		if err == nil && len(got) > 4096 && len(got) > len(body) {
			t.Errorf("%d bytes", len(got))
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("an error without a reason: %v", err)
		} else if err != nil {
			if word := ourwords.Foreign(err.Error()); word != "" && !strings.Contains(encoding, word) {
				t.Errorf("it is told with %q: %v", word, err)
			}
		}
		if got, err := u.Body(good, "gzip"); err != nil || string(got) != line {
			t.Errorf("the next one: %q, %v", got, err)
		}
	})
}
