package faults

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/proxy"
)

// Somebody removes the open file, or moves it away, in the middle of an outage. What comes afterwards goes to a new file, not into one that
// has no name any more. What was moved away comes home when it is moved back.
func TestFallbackFileTakenAway(t *testing.T) {
	for name, take := range map[string]func(file string) error{
		"removed": os.Remove,
		"renamed": func(file string) error { return os.Rename(file, file+".taken") },
		"moved":   func(file string) error { return os.Rename(file, filepath.Join(filepath.Dir(file), "..", "taken")) },
		"emptied": func(file string) error { return os.Truncate(file, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutage(t)
			const n = 1_000
			p := o.start()
			o.Produce(n)
			o.inFile(n)
			o.Taken("log_queue")
			if err := take(o.Fallback()); err != nil {
				t.Fatal(err)
			}
			// Recovery may have put a part of it aside before: that is still there.
			left, moved := o.InFallback().Total(), filepath.Join(o.Dir, "taken")
			o.Produce(n) // the same numbers again
			o.Until("all is safe in a new file", func() bool { return o.InFallback().Total() == left+n })
			left += len(o.lines(moved))
			o.store.Heal()
			o.Until("the new file is home", func() bool { return len(o.Stored().Count) == n && o.lines(o.Fallback()) == nil })
			o.Stops(p, 0)
			for _, taken := range []string{o.Fallback() + ".taken", moved} {
				if err := os.Rename(taken, o.Fallback()); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
			}
			p = o.start()
			o.home()
			o.Stops(p, 0)
			if all := o.Account(n, "log_queue", "log_dlq"); all.Total() != left+n {
				t.Errorf("%d messages arrived, want %d and %d that were not taken away for good", all.Total(), n, left)
			}
		})
	}
}

// lines are the messages in a file; nil when there is no file.
func (o *outage) lines(name string) (messages []string) {
	o.t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	messages = []string{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `{"logpipe_batch"`) {
			messages = append(messages, line)
		}
	}
	return messages
}

// A crash in the middle of a write leaves a part of a batch at the end of the file, which nobody was told of. The next write goes to the
// place where it began, and recovery leaves it out: a batch with a hole in it would take the place of the whole one in S3.
func TestFallbackEndsInPartOfABatch(t *testing.T) {
	header := func(b []byte) []byte { return b[:40] }
	message := func(b []byte) []byte { return b[:len(b)*2/3] }
	lineFeed := func(b []byte) []byte { return b[:len(b)-1] }
	for name, c := range map[string]struct {
		cut     func(batch []byte) []byte
		written bool // to, before it is recovered
	}{
		"written to, cut in the header":     {header, true},
		"written to, cut in a message":      {message, true},
		"recovered, cut in a message":       {message, false},
		"recovered, cut before the last LF": {lineFeed, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutage(t)
			const n = 1_000
			p := o.start()
			o.Produce(n)
			o.inFile(n)
			o.Taken("log_queue")
			o.Stops(p, 0)
			o.cutOff(c.cut)
			want := n
			if c.written {
				p = o.start()
				o.Produce(n) // the same numbers again
				want += n
				o.Until("all is safe in the file", func() bool { return o.InFallback().Total() >= want })
				o.home()
			} else {
				o.store.Heal()
				p = o.start()
				o.Says(p, "was cut off, and never answered")
				o.home()
			}
			o.Stops(p, 0)
			if all := o.Account(n, "log_queue", "log_dlq"); all.Total() != want {
				t.Errorf("%d messages arrived, want %d", all.Total(), want)
			}
		})
	}
}

// cutOff appends a part of the last batch to the file again, as a crash in the middle of a write leaves it.
func (o *outage) cutOff(cut func(batch []byte) []byte) {
	o.t.Helper()
	files, err := filepath.Glob(filepath.Join(o.folder, "failed_logs*.ndjson"))
	if err != nil || len(files) == 0 {
		o.t.Fatalf("no fallback file: %v", err)
	}
	for _, name := range files {
		text := o.locked(name)
		o.appendTo(name, cut(text[bytes.LastIndex(text, []byte(`{"logpipe_batch"`)):]))
	}
}

func (o *outage) appendTo(name string, text []byte) {
	o.t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		o.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		o.t.Fatal(err)
	}
}

// Two replicas write to one file at once, and both bring home what is there; one of them dies in the middle of that. No message is lost and
// none comes home twice.
func TestTwoReplicasShareAFallback(t *testing.T) {
	o := newOutage(t)
	const n = 10_000
	one, other := o.start(), o.start()
	o.Produce(n)
	o.inFile(n)
	o.Taken("log_queue")
	o.onlyWhole()
	o.store.Break(proxy.Slow(50 << 10))
	o.Until("it comes home", func() bool { return len(o.Keys()) > 5 })
	one.Kill()
	o.home()
	o.once(n, other)
}

// A part of the file that cannot be read does not keep the rest from coming home, is said, and is kept: somebody may still make something
// of it.
func TestFallbackFileDamaged(t *testing.T) {
	o := newOutage(t)
	const n = 2_000
	p := o.start()
	o.Produce(n)
	o.inFile(n)
	o.Taken("log_queue")
	o.Stops(p, 0)
	text := o.locked(o.Fallback())
	at := len(text) / 2
	copy(text[at:], "\x00\xff\x00\xff\n\x00")
	if err := os.WriteFile(o.Fallback(), text, 0o640); err != nil {
		t.Fatal(err)
	}
	noise := []byte("\x1f\x8b\x08\x00 this is no gzip file, whatever it says")
	if err := os.WriteFile(o.Fallback()+".gz", noise, 0o640); err != nil {
		t.Fatal(err)
	}
	o.store.Heal()
	p = o.start()
	o.Says(p, "a part of a fallback file is damaged")
	corrupt := func() (files []string) {
		files, err := filepath.Glob(filepath.Join(o.folder, "*.corrupt"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	o.Until("both files are set aside", func() bool { return len(corrupt()) == 2 && o.lines(o.Fallback()) == nil })
	if line := o.Says(p, "with a damaged part is kept"); line["level"] != "ERROR" || !strings.HasSuffix(line.Text("path"), ".corrupt") {
		t.Errorf("the log says %v", line)
	}
	o.Stops(p, 0)
	if lost := n - len(o.Stored().Count); lost <= 0 || lost > 100 {
		t.Errorf("%d messages are not home; the damage is in one batch of 100", lost)
	}
	kept := [][]byte{}
	for _, name := range corrupt() {
		kept = append(kept, o.locked(name))
	}
	for _, want := range [][]byte{text, noise} {
		if !bytes.Equal(kept[0], want) && !bytes.Equal(kept[1], want) {
			t.Errorf("a file of %d bytes is not kept as it was", len(want))
		}
	}
}
