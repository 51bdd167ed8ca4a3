package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

var compressions = []encode.Compression{encode.None, encode.Gzip, encode.Zstd}

func fallback(t testing.TB, path string) *made { return open(t, engine.RoleFallback, path, nil) }

// recovering opens the recovery of a fallback.
func recovering(t testing.TB, o *made) engine.Input {
	t.Helper()
	in := o.fallback.Recovery()
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(context.Background()) })
	return in
}

// recoverAll reads everything that there is now, and acks it if it is told to.
func recoverAll(t testing.TB, o *made, ack bool) (batches []*engine.Batch) {
	t.Helper()
	in := recovering(t, o)
	defer in.Close(t.Context())
	for {
		b := &engine.Batch{}
		err := in.Read(t.Context(), b)
		if err == io.EOF {
			return batches
		}
		if err != nil {
			t.Fatal(err)
		}
		if ack {
			mustAck(t, in, b.Tag)
		}
		b.Tag = 0
		batches = append(batches, b)
	}
}

func mustRead(t testing.TB, in engine.Input) *engine.Batch {
	t.Helper()
	b := &engine.Batch{}
	if err := in.Read(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return b
}

func mustAck(t testing.TB, in engine.Input, tags ...uint64) {
	t.Helper()
	if err := in.Ack(t.Context(), tags); err != nil {
		t.Fatal(err)
	}
}

func wantEOF(t testing.TB, in engine.Input) {
	t.Helper()
	b := &engine.Batch{}
	if err := in.Read(t.Context(), b); err != io.EOF {
		t.Fatalf("read %q and %v, want the end", b.ID, err)
	}
}

func ids(batches []*engine.Batch) (list []string) {
	for _, b := range batches {
		list = append(list, b.ID)
	}
	return list
}

type meta struct {
	id, key string
	headers map[string]any
}

func (m *meta) ID() string              { return m.id }
func (m *meta) RoutingKey() string      { return m.key }
func (m *meta) Headers() map[string]any { return m.headers }

// same compares batches by what can be asked of them.
var same = cmp.Options{
	cmpopts.IgnoreUnexported(engine.Batch{}, engine.Message{}),
	cmp.Comparer(bytes.Equal),
	cmp.Transformer("meta", func(m engine.Meta) any {
		if m == nil {
			return nil
		}
		return []any{m.ID(), m.RoutingKey(), m.Headers()}
	}),
}

func randomBatch(rnd *rand.Rand) *engine.Batch {
	b := &engine.Batch{ID: engine.NewID(), Partition: "source=app1", Time: noon, SealedBy: engine.SealedByAge}
	for range 1 + rnd.IntN(300) {
		body := make([]byte, rnd.IntN(1<<rnd.IntN(9)))
		for i := range body {
			body[i] = byte(rnd.IntN(256))
		}
		m := engine.Message{Body: body, Time: noon.Add(time.Duration(rnd.Int64N(1e12)))}
		if rnd.IntN(3) == 0 {
			m.Meta = &meta{id: "m-1", key: "logs", headers: map[string]any{"n": rnd.Int64(), "raw": body}}
		}
		b.Messages = append(b.Messages, m)
	}
	return b
}

// What comes home is what fell back, and then the disk is free.
func TestRecoveryGivesBackEqualBatches(t *testing.T) {
	for _, compression := range compressions {
		for seed := range uint64(6) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			dir := t.TempDir()
			o := open(t, engine.RoleFallback, filepath.Join(dir, "failed.ndjson"), func(c *Config) {
				c.Compression = string(compression)
				c.RotateBytes = engine.Bytes(rnd.IntN(200_000)) // so that there are several files
			})
			var want []*engine.Batch
			for range 1 + rnd.IntN(10) {
				b := randomBatch(rnd)
				want = append(want, b)
				mustWrite(t, o, b)
			}
			if d := cmp.Diff(want, recoverAll(t, o, false), same); d != "" {
				t.Fatalf("%s seed %d (-want +got):\n%s", compression, seed, d)
			}
			if d := cmp.Diff(want, recoverAll(t, o, true), same); d != "" {
				t.Fatalf("%s seed %d, a second time (-want +got):\n%s", compression, seed, d)
			}
			if left := names(t, dir); len(left) != 0 {
				t.Fatalf("%s seed %d: left behind %q", compression, seed, left)
			}
		}
	}
}

// Fallback and recovery at the same time, as in a flapping outage: nothing lost, nothing twice.
func TestWriteWhileRecovering(t *testing.T) {
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	const n = 200
	written := make(chan error, 1)
	go func() {
		var errs []error
		for i := range n {
			errs = append(errs, o.Write(t.Context(), batch(fmt.Sprint(i), "x", "y")))
		}
		written <- errors.Join(errs...)
	}()
	in := recovering(t, o)
	seen := map[string]int{}
	for deadline := time.Now().Add(30 * time.Second); len(seen) < n && time.Now().Before(deadline); {
		b := &engine.Batch{}
		err := in.Read(t.Context(), b)
		if err == io.EOF {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		seen[b.ID]++
		mustAck(t, in, b.Tag)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	wantEOF(t, in)
	for i := range n {
		if seen[fmt.Sprint(i)] != 1 {
			t.Errorf("batch %d came home %d times", i, seen[fmt.Sprint(i)])
		}
	}
	if left := names(t, dir); slices.ContainsFunc(left, func(name string) bool { return name != "failed.ndjson" }) {
		t.Errorf("left behind %q", left)
	}
}

// A crash of the process repeats what was on its way, and nothing that was acked.
func TestProgressOutlivesTheProcess(t *testing.T) {
	for _, compression := range compressions {
		t.Run(string(compression), func(t *testing.T) {
			dir := t.TempDir()
			o := open(t, engine.RoleFallback, filepath.Join(dir, "failed.ndjson"), func(c *Config) { c.Compression = string(compression) })
			for i := range 6 {
				mustWrite(t, o, batch(fmt.Sprint(i), "x"))
			}
			first := recovering(t, o)
			var tags []uint64
			for range 5 {
				tags = append(tags, mustRead(t, first).Tag)
			}
			mustAck(t, first, tags[0])
			mustAck(t, first, tags[3], tags[1]) // in any order
			if err := first.Ack(t.Context(), []uint64{99}); err == nil {
				t.Error("an ack for nothing was taken")
			}
			first.Close(t.Context()) // its memory is gone, its locks are free

			if got := ids(recoverAll(t, o, false)); !slices.Equal(got, []string{"2", "4", "5"}) {
				t.Errorf("after a restart came %q", got)
			}
			// A crash in the middle of a note, a byte at a time.
			list, _ := filepath.Glob(filepath.Join(dir, "*.done"))
			if len(list) != 1 {
				t.Fatalf("lists: %q", list)
			}
			note := content(t, list[0])
			for n := range note {
				if err := os.WriteFile(list[0], []byte(note[:n]), 0o640); err != nil {
					t.Fatal(err)
				}
				got := ids(recoverAll(t, o, false))
				for _, id := range []string{"2", "4", "5"} {
					if !slices.Contains(got, id) {
						t.Fatalf("note cut at %d: batch %s is lost", n, id)
					}
				}
			}
			recoverAll(t, o, true)
			if left := names(t, dir); len(left) != 0 {
				t.Errorf("left behind %q", left)
			}
		})
	}
}

// A list without a file is what a crash leaves between two removals.
func TestOrphanedListIsRemoved(t *testing.T) {
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	if err := os.WriteFile(linefile.Rotated(o.file)+linefile.Done, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	recoverAll(t, o, true)
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind %q", left)
	}
}

// Two replicas on one path: each batch comes home once, through whoever claimed its file; when that one dies, through the other.
func TestTwoRecoveries(t *testing.T) {
	o := fallback(t, filepath.Join(t.TempDir(), "failed.ndjson"))
	mustWrite(t, o, batch("1", "x"))
	mustWrite(t, o, batch("2", "x"))
	one, two := recovering(t, o), recovering(t, o)
	if b := mustRead(t, one); b.ID != "1" {
		t.Errorf("read %q", b.ID)
	}
	wantEOF(t, two)
	mustWrite(t, o, batch("3", "x")) // into a new file
	if b := mustRead(t, two); b.ID != "3" {
		t.Errorf("read %q", b.ID)
	}
	one.Close(t.Context())
	for _, id := range []string{"1", "2"} {
		if b := mustRead(t, two); b.ID != id {
			t.Errorf("read %q, want %q", b.ID, id)
		}
	}
	wantEOF(t, two)
}

// What an earlier life of another configuration left is found too.
func TestFilesOfAnEarlierLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "failed.ndjson")
	for i, compression := range []encode.Compression{encode.Zstd, encode.None, encode.Gzip} {
		o := open(t, engine.RoleFallback, path, func(c *Config) { c.Compression, c.RotateBytes = string(compression), 1 })
		mustWrite(t, o, batch(fmt.Sprint(i, " put aside"), "x"))
		mustWrite(t, o, batch(fmt.Sprint(i, " live"), "x"))
	}
	got := ids(recoverAll(t, fallback(t, path), true))
	slices.Sort(got)
	if want := []string{"0 live", "0 put aside", "1 live", "1 put aside", "2 live", "2 put aside"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if left := names(t, filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind %q", left)
	}
}

// The file of the system that this one replaces, which nothing ever read again.
func TestImportOfALegacyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "failed.ndjson")
	legacy := `{"timestamp": "2024-05-06T12:00:00", "source": "app1", "count": 1, "_error": "An error occurred (503) \"slow\": {, }"}` + "\n" +
		`{"n": 2}` + "\n\n" + `{"n": 3, "cut of`
	if err := os.WriteFile(path, []byte(legacy), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, noon, noon); err != nil {
		t.Fatal(err)
	}
	o := fallback(t, path)
	mustWrite(t, o, batch("sealed", "x")) // must not be glued to the last line
	got := recoverAll(t, o, true)
	if len(got) != 3 {
		t.Fatalf("%d batches", len(got))
	}
	got[0].Messages = append(got[0].Messages, got[1].Messages...) // the line without an end comes alone
	got = slices.Delete(got, 1, 2)
	want := batch("", `{"timestamp": "2024-05-06T12:00:00", "source": "app1", "count": 1}`, `{"n": 2}`, `{"n": 3, "cut of`)
	want.Partition, want.Time = "", time.Time{} // the engine seals it
	if d := cmp.Diff([]*engine.Batch{want, batch("sealed", "x")}, got, same); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestStripError(t *testing.T) {
	for line, want := range map[string]string{
		`{"a":1,"_error":"x"}`:                   `{"a":1}`,
		`{"a":1, "_error": "x, \"}\" "}`:         `{"a":1}`,
		`{"_error":"x"}`:                         `{}`,
		`{"_error":"x","a":1}`:                   `{"a":1}`,
		`{ "_error" : "x" , "a":1}`:              `{ "a":1}`,
		`{"a":1,"_error":"x","b":2}`:             `{"a":1,"b":2}`,
		`{"a":1, "_error": "x" }`:                `{"a":1}`,
		"{\"a\":1,\"_error\":\"x\"}\r":           "{\"a\":1}\r",
		`{"a":1,"_error":"x" "b":2}`:             `{"a":1,"_error":"x" "b":2}`,
		`{"a":1,"_error":null,"_error":"x"}`:     `{"a":1,"_error":null}`,
		`{"a":{"_error":"x"}}`:                   `{"a":{"_error":"x"}}`,
		`{"a":[1,"_error"]}`:                     `{"a":[1,"_error"]}`,
		`{"a":"_error"}`:                         `{"a":"_error"}`,
		`{"a":1,"_error":null}`:                  `{"a":1,"_error":null}`,
		`{"a":1,"_error":{"b":"x"}}`:             `{"a":1,"_error":{"b":"x"}}`,
		`{"a":1,"_error":"x"} `:                  `{"a":1} `,
		`{"a":1,"_error":"x"}}`:                  `{"a":1,"_error":"x"}}`,
		`{"a":1,"_error":"x`:                     `{"a":1,"_error":"x`,
		`{"a":1,"_error"}`:                       `{"a":1,"_error"}`,
		`{"a":1,"_errors":"x"}`:                  `{"a":1,"_errors":"x"}`,
		`{"a":"\\","_error":"\\"}`:               `{"a":"\\"}`,
		`["_error"]`:                             `["_error"]`,
		`"_error"`:                               `"_error"`,
		`plain text with "_error":"x"}`:          `plain text with "_error":"x"}`,
		`{"a":{"b":[1,{"c":2}]},"_error":"x{["}`: `{"a":{"b":[1,{"c":2}]}}`,
		``:                                       ``,
	} {
		if got := string(stripError([]byte(line))); got != want {
			t.Errorf("%s became %s", line, got)
		}
	}
}

// Another program that has the file open, and does not know of the lock, goes on writing to it: what it appends, and the line that it is
// in the middle of, must not go with the file when what was read is home.
func TestWriterWithoutALock(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "failed.ndjson")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("{\"n\":1}\n{\"n\":2}\n")
	o := fallback(t, path)
	in := recovering(t, o)
	var got []string
	read := func() (tag uint64) {
		t.Helper()
		b := mustRead(t, in)
		for _, m := range b.Messages {
			got = append(got, string(m.Body))
		}
		return b.Tag
	}
	tag := read()
	f.WriteString("{\"n\":3}\n{\"n\":")
	mustAck(t, in, tag)
	mustAck(t, in, read())
	wantEOF(t, in)
	f.WriteString("4}\n")
	tag = read()
	f.WriteString(`{"n":5`)
	mustAck(t, in, tag)
	wantEOF(t, in)
	old := time.Now().Add(-2 * restAge) // nobody has written for long: it will not become more
	files, _ := linefile.RotatedFiles(path)
	if len(files) != 1 || os.Chtimes(files[0], old, old) != nil {
		t.Fatalf("files: %q", files)
	}
	mustAck(t, in, read())
	wantEOF(t, in)
	if d := cmp.Diff([]string{`{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`, `{"n":5`}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind %q", left)
	}
}

// A file that could not leave when it is home would come home for ever. It stays where it is, once said, until the folder can be changed.
func TestFolderThatCannotBeChanged(t *testing.T) {
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	mustWrite(t, o, batch("1", "x"))
	mustClose(t, o)
	if err := os.Rename(o.file, linefile.Rotated(o.file)); err != nil {
		t.Fatal(err)
	}
	mutable := immutable(t, dir)
	defer mutable()
	in := recovering(t, o)
	b := &engine.Batch{}
	if err := in.Read(t.Context(), b); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "could not leave") {
		t.Errorf("read %q and %v", b.ID, err)
	}
	in.Close(t.Context())
	mutable()
	if got := ids(recoverAll(t, o, true)); !slices.Equal(got, []string{"1"}) {
		t.Errorf("came home: %q", got)
	}
}

// Two pipelines on one path would each send the other's batches to its own output: each takes its own, and those of nobody.
func TestPipelinesOnOnePath(t *testing.T) {
	dir := t.TempDir()
	pipeline := func(name string) *made {
		o := fallback(t, filepath.Join(dir, "failed.ndjson"))
		o.env.Pipeline = name
		return o
	}
	nobody, one, two := pipeline(""), pipeline("one"), pipeline("two")
	mustWrite(t, nobody, batch("old", "x"))
	for i := range 2 {
		mustWrite(t, one, batch(fmt.Sprint("one ", i), "x"))
		mustWrite(t, two, batch(fmt.Sprint("two ", i), "x"))
	}
	first := recovering(t, one)
	for _, id := range []string{"old", "one 0", "one 1"} {
		b := mustRead(t, first)
		if b.ID != id {
			t.Fatalf("read %q, want %q", b.ID, id)
		}
		mustAck(t, first, b.Tag)
	}
	for range 3 {
		wantEOF(t, first)
	}
	if n := strings.Count(one.log.String(), "pipeline_of_batches=two"); n != 1 {
		t.Errorf("said %d times: %s", n, one.log)
	}
	if got := ids(recoverAll(t, two, true)); !slices.Equal(got, []string{"two 0", "two 1"}) {
		t.Errorf("came home: %q", got)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind %q", left)
	}
}

// A first write that was cut off within the bytes that tell the compression is no message.
func TestCutInTheFirstBytes(t *testing.T) {
	for _, name := range []string{"failed.ndjson.gz", "failed.ndjson.zst"} {
		for n := 1; n < 5; n++ {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), magicAnd(name)[:n], 0o644); err != nil {
				t.Fatal(err)
			}
			if got := recoverAll(t, fallback(t, filepath.Join(dir, "failed.ndjson")), true); len(got) != 0 {
				t.Errorf("%d bytes of %s came home as %q", n, name, got[0].Messages[0].Body)
			}
			if left := names(t, dir); len(left) != 0 {
				t.Errorf("%d bytes of %s: left behind %q", n, name, left)
			}
		}
	}
}

func magicAnd(name string) []byte {
	return append(slices.Clone(magic[encode.CompressionOf(name)]), 8, 0, 0)
}

// What a power failure leaves of a header is no message, and no reason to delete the rest of its batch.
func TestHeaderOfZeros(t *testing.T) {
	for name, spoil := range map[string]func(text string, second int) string{
		"tail": func(text string, _ int) string { return text + strings.Repeat("\x00", 40) },
		"header": func(text string, second int) string {
			return text[:second] + strings.Repeat("\x00", 20) + text[second+20:]
		},
		"page": func(text string, second int) string {
			n := strings.IndexByte(text[second:], '\n')
			return text[:second] + strings.Repeat("\x00", n) + text[second+n:]
		},
	} {
		dir := t.TempDir()
		o := fallback(t, filepath.Join(dir, "failed.ndjson"))
		mustWrite(t, o, batch("1", "x"))
		second := len(content(t, o.file))
		mustWrite(t, o, batch("2", "two\nlines", "y"))
		mustWrite(t, o, batch("3", "z"))
		mustClose(t, o)
		text := spoil(content(t, o.file), second)
		if err := os.WriteFile(o.file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		want := []string{"1", "3"}
		if name == "tail" {
			want = []string{"1", "2", "3"}
		}
		if got := ids(recoverAll(t, o, true)); !slices.Equal(got, want) {
			t.Errorf("%s: came home: %q", name, got)
		}
		if d := cmp.Diff([]string{"failed.TIME.ndjson.corrupt"}, names(t, dir)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// A damaged part is kept for people and said aloud, and nothing else waits for it.
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	for i := range 3 {
		mustWrite(t, o, batch(fmt.Sprint(i), "x", "y"))
	}
	spoil(t, o.file, `"count":2`, 2, `"count":3`)
	in := recovering(t, o)
	for _, id := range []string{"0", "2"} {
		b := mustRead(t, in)
		if b.ID != id {
			t.Fatalf("read %q, want %q", b.ID, id)
		}
		mustAck(t, in, b.Tag)
	}
	mustWrite(t, o, batch("3", "x"))
	b := mustRead(t, in)
	if b.ID != "3" {
		t.Errorf("read %q", b.ID)
	}
	mustAck(t, in, b.Tag)
	wantEOF(t, in)
	if d := cmp.Diff([]string{"failed.TIME.ndjson.corrupt"}, names(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if log := o.log.String(); strings.Count(log, "level=ERROR") != 2 || !strings.Contains(log, "header with a wrong sum") {
		t.Errorf("log: %s", log)
	}
}

// spoil replaces the n-th occurrence (from 1) of a text in a file.
func spoil(t *testing.T, path, old string, n int, with string) {
	t.Helper()
	parts := strings.Split(content(t, path), old)
	text := strings.Join(parts[:n], old) + with + strings.Join(parts[n:], old)
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

// In a compressed file nothing can be found behind damage; in front of it, all.
func TestDamagedCompressedFile(t *testing.T) {
	for _, compression := range []encode.Compression{encode.Gzip, encode.Zstd} {
		dir := t.TempDir()
		o := open(t, engine.RoleFallback, filepath.Join(dir, "failed.ndjson"), func(c *Config) { c.Compression = string(compression) })
		mustWrite(t, o, batch("0", "x"))
		mustClose(t, o)
		f, err := os.OpenFile(o.file, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("this is no frame of a compressed file"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		mustWrite(t, o, batch("1", "x")) // not behind it: there it would be lost
		if got := ids(recoverAll(t, o, true)); !slices.Equal(got, []string{"0", "1"}) {
			t.Errorf("%s: got %q", compression, got)
		}
		if d := cmp.Diff([]string{"failed.TIME.ndjson" + compression.Extension() + ".corrupt"}, names(t, dir)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "failed.ndjson.gz")
	if err := os.WriteFile(path, []byte("\x1f\x8bnonsense"), 0o640); err != nil {
		t.Fatal(err)
	}
	if got := recoverAll(t, fallback(t, filepath.Join(dir, "failed.ndjson")), true); len(got) != 0 {
		t.Errorf("got %q", ids(got))
	}
	if d := cmp.Diff([]string{"failed.TIME.ndjson.gz.corrupt"}, names(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A file that cannot be opened is said, and the others come home before.
func TestFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	mustWrite(t, o, batch("1", "x"))
	if err := os.Mkdir(linefile.Rotated(o.file), 0o755); err != nil {
		t.Fatal(err)
	}
	in := recovering(t, o)
	b := mustRead(t, in)
	mustAck(t, in, b.Tag)
	err := in.Read(t.Context(), &engine.Batch{})
	if b.ID != "1" || err == nil || err == io.EOF || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("read %q, then %v", b.ID, err)
	}
}

func TestRecoveryWithoutFiles(t *testing.T) {
	in := recovering(t, fallback(t, filepath.Join(t.TempDir(), "no", "folder", "failed.ndjson")))
	wantEOF(t, in)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.Read(ctx, &engine.Batch{}); !errors.Is(err, context.Canceled) {
		t.Errorf("read of an ended context: %v", err)
	}
}

// The whole way, through an engine: the output is away for a while, what fell back comes home under its own id.
func TestFallbackInAPipeline(t *testing.T) {
	l := enginetest.NewLedger()
	var bodies []string
	for _, b := range enginetest.Bodies(3000) {
		bodies = append(bodies, string(b))
	}
	out := enginetest.NewStore(l, "output")
	out.Script = func(n int, b *engine.Batch) enginetest.Step {
		if n < 25 {
			return enginetest.Step{Err: errors.New("away")}
		}
		return enginetest.Step{}
	}
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	source := enginetest.NewSource(l, bodies...)
	source.Chunk, source.Follow = 100, true
	p := &flow.Pipeline{
		Name: "test", Workers: 3, DrainTimeout: time.Minute, Recover: true,
		Observer: endWhen(func() bool { return len(out.Bodies()) == len(bodies) }, source),
		Inputs:   []engine.InputStep{{Name: "input", Input: source, Window: engine.Capacity{Messages: 1000}}},
		Output:   engine.OutputStep{Name: "output", Output: out},
		Fallback: &engine.OutputStep{Name: "fallback", Output: o.fallback},
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := out.Bodies(); len(got) != len(bodies) {
		t.Errorf("%d of %d messages are stored", len(got), len(bodies))
	}
	for body, n := range out.Bodies() {
		if n != 1 {
			t.Errorf("%s is stored %d times", body, n)
		}
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind %q", left)
	}
}

// endWhen ends a source when all of it is stored.
func endWhen(all func() bool, s *enginetest.Source) engine.Observer { return ender{all, s} }

type ender struct {
	all func() bool
	s   *enginetest.Source
}

func (e ender) Observe(event engine.Event) {
	if event.Kind == engine.Attempt && e.all() {
		e.s.End()
	}
}

func BenchmarkRecover(b *testing.B) {
	o := fallback(b, filepath.Join(b.TempDir(), "failed.ndjson"))
	o.sync = func(*os.File) error { return nil }
	thousand := batch("1")
	for range 1000 {
		thousand.Messages = append(thousand.Messages, engine.Message{Body: bytes.Repeat([]byte("x"), 250), Time: noon})
	}
	for range 200 {
		mustWrite(b, o, thousand)
	}
	b.SetBytes(thousand.Bytes())
	b.ReportAllocs()
	var in engine.Input
	for b.Loop() {
		if in == nil {
			in = recovering(b, o)
		}
		var got engine.Batch
		if err := in.Read(b.Context(), &got); err == io.EOF {
			in.Close(b.Context())
			in = nil
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

// Whatever is taken off, the rest of an object is an object.
func FuzzStripError(f *testing.F) {
	f.Add(`{"a":1, "_error": "x, \"}\" "}`)
	f.Add(`{"_error":"\\"}`)
	f.Fuzz(func(t *testing.T, line string) {
		got := stripError([]byte(line))
		if json.Valid([]byte(line)) && !json.Valid(got) {
			t.Errorf("%q became %q", line, got)
		}
		if !strings.Contains(line, `"_error"`) && string(got) != line {
			t.Errorf("%q became %q", line, got)
		}
	})
}

// A full disk has no room for the note of what is home. The recovery itself must not forget it: it opens the fallback anew whenever
// something is tried again, and would bring the same batches home each time. Only a crash repeats them, and README.md says so.
func TestWhatIsHomeIsKnownWithoutRoomForTheNote(t *testing.T) {
	dir := mount(t, "size=256k")
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	for i := range 5 {
		mustWrite(t, o, batch(fmt.Sprint(i), "x"))
	}
	in := recovering(t, o)
	first := mustRead(t, in)
	second := mustRead(t, in)
	fill(t, dir)
	mustAck(t, in, first.Tag, second.Tag)
	for range 2 {
		if err := in.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b := mustRead(t, in); b.ID != "2" {
			t.Errorf("batch %s comes after 0 and 1, which are home", b.ID)
		}
	}
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := recovering(t, o) // another process, which has no memory of it
	if b := mustRead(t, next); b.ID != "0" {
		t.Errorf("after a crash batch %s comes first: then README.md says too much of what is repeated", b.ID)
	}
}
