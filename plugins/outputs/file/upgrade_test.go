package file

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Who upgrades in an outage has a fallback file on the disk that the version before wrote, and its list of what of it is home.
func TestBringsHomeWhatTheFirstReleaseLeft(t *testing.T) {
	file, err := os.ReadFile("../../internal/linefile/testdata/sealed-first-release.ndjson") // three batches
	if err != nil {
		t.Fatal(err)
	}
	second := bytes.Index(file, []byte("\n{\"logpipe_batch\":1,\"id\"")) + 1
	dir := t.TempDir()
	aside := filepath.Join(dir, "failed.20260102T150405.000000000Z.ndjson")
	list := fmt.Sprintf("\n0-%d;\n\n%d-11", second, second)
	if err := errors.Join(os.WriteFile(aside, file, 0o640), os.WriteFile(aside+".done", []byte(list), 0o640)); err != nil {
		t.Fatal(err)
	}
	got := ids(recoverAll(t, fallback(t, filepath.Join(dir, "failed.ndjson")), true))
	if !slices.Equal(got, []string{"01HX4Q4T3V0000000000000002", "01HX4Q4T3V0000000000000003"}) {
		t.Errorf("came home: %q", got)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind %q", left)
	}
}

// Notes of more than a file holds are about what it held before somebody cut it, or put another in its place. To believe them is to
// remove what is in it now.
func TestNotesOfMoreThanIsThere(t *testing.T) {
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	mustWrite(t, o, batch("1", "x"))
	mustClose(t, o)
	aside := filepath.Join(dir, "failed.20260102T150405.000000000Z.ndjson")
	if err := os.Rename(o.file, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(aside+".done", []byte("\n0-100000;\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if got := ids(recoverAll(t, o, true)); !slices.Equal(got, []string{"1"}) {
		t.Errorf("came home: %q", got)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind %q", left)
	}
}

// A damaged file that somebody repaired, and put back, may be damaged again: the one that is kept already must not be replaced.
func TestCorruptFilesAreKept(t *testing.T) {
	dir := t.TempDir()
	aside := filepath.Join(dir, "failed.20260102T150405.000000000Z.ndjson")
	for _, text := range []string{"\x00first\n", "\x00second\n"} {
		if err := os.WriteFile(aside, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		recoverAll(t, fallback(t, filepath.Join(dir, "failed.ndjson")), true)
	}
	var kept []string
	files, _ := filepath.Glob(filepath.Join(dir, "*.corrupt"))
	for _, f := range files {
		kept = append(kept, content(t, f))
	}
	slices.Sort(kept)
	if !slices.Equal(kept, []string{"\x00first\n", "\x00second\n"}) {
		t.Errorf("%q in %q", kept, names(t, dir))
	}
}

// Where the clock was set back, a file seems to be of the future: half a line at its end, which another program is writing, must not come
// home as a message. It is whole when nobody has written to it for a while, by a clock that cannot be set.
func TestHalfALineOfTheFuture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "failed.ndjson")
	o := fallback(t, path)
	if err := os.WriteFile(path, []byte("one\nhal"), 0o640); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // the bubble's clock is decades behind that of the disk
		in := recovering(t, o)
		b := mustRead(t, in)
		mustAck(t, in, b.Tag)
		if len(b.Messages) != 1 || string(b.Messages[0].Body) != "one" {
			t.Errorf("read %d messages, the first is %q", len(b.Messages), b.Messages[0].Body)
		}
		wantEOF(t, in)
		time.Sleep(restAge - 1)
		wantEOF(t, in)
		aside, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*Z.ndjson"))
		f, err := os.OpenFile(aside[0], os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("f")
		f.Close()
		time.Sleep(restAge - 1)
		wantEOF(t, in)
		time.Sleep(restAge)
		b = &engine.Batch{}
		if err := in.Read(t.Context(), b); err != nil || string(b.Messages[0].Body) != "half" {
			t.Errorf("read %d messages, %v", len(b.Messages), err)
		}
		in.Close(t.Context())
	})
}
