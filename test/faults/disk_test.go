package faults

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// outage is a world whose S3 is broken from the start, so that all goes to the fallback's disk.
type outage struct {
	*world.World
	t      *testing.T
	store  *proxy.Store
	folder string // of the fallback
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	t.Parallel()
	w := world.New(t)
	store := w.ThroughStore()
	store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	return &outage{w, t, store, filepath.Dir(w.Fallback())}
}

func (o *outage) start() *process.Process {
	o.t.Helper()
	p := o.Start(o.Env("RETRY_LIMIT=1", "BATCH_SIZE=100"), o.Config(edited(o.t, `age          = "5s"`, `age = "1s"`)))
	o.Says(p, "input is open")
	return p
}

// inFile waits until this many messages are in the fallback.
func (o *outage) inFile(n int) {
	o.t.Helper()
	o.Until("all is safe in the file", func() bool { return len(o.InFallback().Count) == n })
}

// home heals S3 and waits until nothing is left of the fallback.
func (o *outage) home() {
	o.t.Helper()
	o.store.Heal()
	o.Until("the fallback is home", func() bool { return o.InFallback().Places == 0 })
}

// once ends logpipe and wants each message once.
func (o *outage) once(n int, running ...*process.Process) {
	o.t.Helper()
	for _, p := range running {
		o.Stops(p, 0)
	}
	if all := o.Account(n, "log_queue", "log_dlq"); all.Twice() != 0 {
		o.t.Errorf("%d messages are there twice", all.Twice())
	}
}

// held wants an error of the disk in the log, and what the disk does not take neither acked nor lost.
func (o *outage) held(p *process.Process, says string) {
	o.t.Helper()
	if line := o.Says(p, "batch can be written nowhere"); !strings.Contains(line.Text("error"), says) {
		o.t.Errorf("the error does not say %q but %q", says, line.Text("error"))
	}
}

// A folder that is missing is made, also its parents, and again when somebody removes it.
func TestFallbackFolderMissing(t *testing.T) {
	o := newOutage(t)
	const n = 500
	p := o.start()
	o.Produce(n)
	o.inFile(n)
	o.store.Heal()
	o.Until("the fallback is home", func() bool { return o.InFallback().Places == 0 })
	o.store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	if err := os.RemoveAll(o.folder); err != nil {
		t.Fatal(err)
	}
	o.Produce(n) // the same numbers again
	o.inFile(n)
	o.home()
	o.Stops(p, 0)
	if all := o.Account(n, "log_queue", "log_dlq"); all.Twice() != n {
		t.Errorf("%d copies of %d messages that were sent twice", all.Total(), n)
	}
}

// A folder that cannot be written is said at the start, before it is needed; in an outage everything is held until it can be.
func TestFallbackFolderNotWritable(t *testing.T) {
	o := newOutage(t)
	disk := newVolume(t, o.folder, 16<<20)
	disk.remount("ro")
	const n = 2_000
	p := o.start()
	if line := o.Says(p, "check at start"); !strings.Contains(line.Text("error"), "read-only file system") {
		t.Errorf("the check at start says %q", line.Text("error"))
	}
	o.Produce(n)
	o.held(p, "read-only file system")
	disk.remount("rw")
	o.inFile(n)
	o.home()
	o.once(n, p)
}

// A disk that fills up, in the middle of a batch: of that batch nothing stays in the file, it is held, and goes to the file when there is room.
func TestFallbackDiskFull(t *testing.T) {
	o := newOutage(t)
	const n, room = 4_000, 200 << 10
	disk := newVolume(t, o.folder, room)
	p := o.start()
	o.Produce(n)
	o.held(p, "no space left on device")
	some := o.InFallback()
	if len(some.Count) == 0 || len(some.Count) == n {
		t.Errorf("%d of %d messages are in the file, so the test is not about a disk that fills up", len(some.Count), n)
	}
	o.onlyWhole()
	disk.remount("size=16m")
	o.inFile(n)
	o.onlyWhole()
	o.home()
	o.once(n, p)
}

// S3 is back first: what the full disk has comes home without room for a byte, and frees it.
func TestFallbackDiskFullComesHome(t *testing.T) {
	o := newOutage(t)
	const n = 4_000
	newVolume(t, o.folder, 200<<10)
	p := o.start()
	o.Produce(n)
	o.held(p, "no space left on device")
	o.home()
	o.once(n, p)
}

// S3 down and the disk full from the first byte: the broker keeps what is not held, nothing is acked. A crash meanwhile changes nothing.
// Both back: all there.
func TestS3DownAndDiskFull(t *testing.T) {
	o := newOutage(t)
	const n = 3_000
	disk := newVolume(t, o.folder, 64<<10)
	filler := filepath.Join(o.folder, "filler")
	if err := os.WriteFile(filler, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	p := o.start()
	o.Produce(n)
	o.held(p, "no space left on device")
	p.Kill()
	o.Until("the queue has everything again", func() bool { return o.Depth("log_queue") == n })
	p = o.start()
	o.held(p, "no space left on device")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	disk.remount("size=16m")
	o.home()
	o.Until("all is stored", func() bool { return len(o.Stored().Count) == n })
	o.once(n, p)
}

// A disk that takes writes and cannot keep them, as only fsync finds out: what fsync did not confirm is not acked. The file is put aside,
// because nobody knows what it ends in, and what the kernel kept of it comes home under the same key.
func TestFallbackSyncFails(t *testing.T) {
	o := newOutage(t)
	const n = 4_000
	below := thinDisk(t, o.World, o.folder, 600<<10)
	p := o.start()
	o.Produce(n)
	o.held(p, "sync ")
	o.Says(p, "file is put aside")
	below.remount("size=80m")
	o.inFile(n)
	o.home()
	o.once(n, p)
}

// onlyWhole fails the test if the fallback has more or fewer messages than its headers say: half a batch would come home as a whole one, or
// hide the next.
func (o *outage) onlyWhole() {
	o.t.Helper()
	files, err := filepath.Glob(filepath.Join(o.folder, "failed_logs*"))
	if err != nil {
		o.t.Fatal(err)
	}
	for _, name := range files {
		text := o.locked(name)
		left := 0
		for line := range strings.Lines(string(text)) {
			switch at := strings.Index(line, `"count":`); {
			case !strings.HasSuffix(line, "\n"):
				o.t.Errorf("%s ends in half a line", name)
			case !strings.HasPrefix(line, `{"logpipe_batch"`):
				left--
			case left != 0:
				o.t.Errorf("%s has a batch of which %d messages are missing", name, left)
				fallthrough
			default:
				left = number(o.t, line[at+len(`"count":`):])
			}
		}
		if left != 0 {
			o.t.Errorf("%s ends in a batch of which %d messages are missing", name, left)
		}
	}
}

// locked reads a file while nobody writes to it. One that recovery has claimed stays locked, but nobody writes to it either.
func (o *outage) locked(name string) (text []byte) {
	o.t.Helper()
	o.Until("nobody writes to "+name, func() bool {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return true // recovery has claimed it, and so it has another name
		}
		if err != nil {
			o.t.Fatal(err)
		}
		defer f.Close()
		if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil && name == o.Fallback() {
			return false
		}
		if text, err = io.ReadAll(f); err != nil {
			o.t.Fatal(err)
		}
		return true
	})
	return text
}

// number is the one that a text begins with.
func number(t *testing.T, text string) int {
	t.Helper()
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	n, err := strconv.Atoi(text[:max(end, 0)])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
