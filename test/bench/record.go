package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
)

var words = []string{"user", "session", "expired", "from", "address", "retry", "upstream", "timeout", "gateway", "accepted",
	"connection", "refused", "shard", "replica", "checkpoint", "flushed", "worker", "queue", "payment", "declined"}

// record is a log record in JSON of size bytes, or a little more where size is smaller than its fields, with the number that the
// count looks for. Its text differs from record to record, so that it compresses as logs do and not as one line repeated.
func record(seq, size int) []byte {
	b := make([]byte, 0, max(size, 96))
	b = append(b, `{"timestamp":"`...)
	b = time.Now().UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `","source":"app`...)
	b = strconv.AppendInt(b, int64(1+seq%3), 10)
	b = append(b, `","seq":`...)
	b = strconv.AppendInt(b, int64(seq), 10)
	b = append(b, `,"text":"`...)
	for rest := size - len(b) - len(`"}`); rest > 0; rest = size - len(b) - len(`"}`) {
		word := words[rand.IntN(len(words))] + " "
		b = append(b, word[:min(rest, len(word))]...)
	}
	return append(b, `"}`...)
}

// writeLines writes n records as the lines of a new file.
func writeLines(path string, n, size int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	for seq := range n {
		w.Write(record(seq+1, size))
		w.WriteByte('\n')
	}
	return w.Flush()
}

// compress packs the lines of a file, so many at a time, and throws the result away: the limit of the compressor alone. Each batch
// is a gzip of its own, as each object is.
func compress(path string, batch, level int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(io.Discard, level)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	var body []byte
	flush := func() error {
		z.Reset(io.Discard)
		if _, err := z.Write(body); err != nil {
			return err
		}
		body = body[:0]
		return z.Close()
	}
	for n := 1; lines.Scan(); n++ {
		body = append(append(body, lines.Bytes()...), '\n')
		if n%batch == 0 {
			if err := flush(); err != nil {
				return fmt.Errorf("compress: %w", err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return flush()
}
