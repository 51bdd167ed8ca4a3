package file

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// Who upgrades has files on the disk that the version before left in the middle, with its notes.
func TestReadsOnWhatTheFirstReleaseLeft(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log.20260102T150405.000000000Z.reading", "one\ntwo\nthree\n")
	write(t, dir+"/a.log.20260102T150405.000000000Z.reading.done", "\n4;\n\n8;\n\n1")
	in, l := opened(t, nil, dir+"/*.log")
	wantLines(t, in, "three")
	wantNames(t, dir, "a.log.delivered")
	if l.String() != "" {
		t.Errorf("log: %s", l)
	}
}

// What programs write beside their files until they are done is theirs: rsync and editors rename it then, and would find it gone.
func TestDotFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".a.log.Xy12Zz", "a.log", ".b.log.20260102T150405.000000000Z.reading"} {
		write(t, dir+"/"+name, name+"\n")
	}
	in, _ := opened(t, nil, dir+"/*")
	wantLines(t, in, "a.log")
	in.Close(t.Context())
	named, _ := opened(t, nil, dir+"/.a*")
	wantLines(t, named, ".a.log.Xy12Zz")
	for pattern, want := range map[string]bool{
		"/x/*.log": true, "/x/.*.log": false, `/x/\.*.log`: false, "/x/?a.log": true, "/x/[.]a.log": true,
	} {
		if got := hidden(pattern, "/x/.a.log"); got != want {
			t.Errorf("%s: hidden is %v", pattern, got)
		}
	}
	if !hidden("/*/a.log", "/.x/a.log") || hidden("/.x/*", "/.x/a.log") {
		t.Error("folders whose names begin with a dot")
	}
}

// Programs of one system write a byte order mark at the beginning of a file. It is no part of the first line, which would be no JSON.
func TestByteOrderMark(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "\ufeff{}\n\ufeffsecond\n")
	write(t, dir+"/b.log", "\ufeff")
	write(t, dir+"/c.log", "\xef\xbb")
	write(t, dir+"/d.log", strings.Repeat("d\n", 300))
	in, _ := opened(t, nil, dir+"/*.log")
	_, tags, _ := readAll(t, in)
	in.Close(t.Context()) // and begins anew
	if len(tags) != 4 {
		t.Errorf("%d chunks", len(tags))
	}
	again, _ := opened(t, func(c *Config) { c.OnDelivered = remove }, dir+"/[ab c].log")
	wantLines(t, again, "{}", "\ufeffsecond", "\xef\xbb")
	wantNames(t, dir, "b.log.delivered", "d.log")
}

// Each open file had a buffer of its own until its last line was settled: two thousand small ones took a third of a gigabyte.
func TestFilesThatWaitHoldNoBuffers(t *testing.T) {
	dir := t.TempDir()
	for i := range maxOpen - 1 {
		write(t, fmt.Sprintf("%s/%d.log", dir, i), "x\n")
	}
	held := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	in, _ := opened(t, nil, dir+"/*.log")
	before := held()
	_, tags, err := readAll(t, in)
	if err != io.EOF || len(tags) != maxOpen-1 {
		t.Fatalf("%d chunks, %v", len(tags), err)
	}
	if grown := int64(held()) - int64(before); grown > maxOpen*8<<10 {
		t.Errorf("%d files that wait for their acks hold %d KiB", maxOpen, grown>>10)
	}
	runtime.KeepAlive(in)
}
