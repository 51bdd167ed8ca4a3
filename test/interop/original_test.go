//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

// The switch-over from the program that logpipe replaces: beside it on its queue, each message handled by one of the two, then without it.
// If it fails, whoever changes over loses logs or has them twice, or has to empty queues and move files first.
func TestBesideTheOriginalAndThenWithoutIt(t *testing.T) {
	servers.Packages(t, servers.Package{Name: "python3-pika", File: pythonLib + "pika"}, servers.Package{Name: "python3-boto3", File: pythonLib + "boto3"})
	w := world.New(t)

	// Alone, and its S3 is down: what it could not store is in its file, which nobody reads.
	down := startOriginal(w, "S3_ENDPOINT=http://127.0.0.1:1", "RETRY_LIMIT=1", "BATCH_SIZE=20")
	down.produce(1, 45, 15)
	w.Until("the original has put its batches into its file", func() bool { return down.count("fallback") == 40 })
	w.Until("it has given away what is no JSON", func() bool { return down.count("dead") == 3 })
	down.stop()

	// Both on one queue.
	old := startOriginal(w, "BATCH_SIZE=10")
	p := w.Start(w.Env("BATCH_SIZE=10", "MAX_WORKERS=2"), "pipeline.hcl")
	w.Says(p, "input is open")
	w.Says(p, "prefetch")
	last := 45
	for old.count("taken") < 100 || len(own(w)) < 100 {
		old.produce(last+1, 100, 20)
		last += 100
		w.Until("all of it is taken", func() bool { return w.Depth("log_queue") == 0 })
		if last > 5000 {
			t.Fatalf("one of them gets nothing: the original took %d, logpipe stored %d", old.count("taken"), len(own(w)))
		}
	}
	w.Taken("log_queue")
	old.stop()

	// logpipe alone.
	old.produce(last+1, 200, 50)
	alone := last
	last += 200
	w.Taken("log_queue")
	w.Until("the original's file is home", func() bool { return w.InFallback().Places == 0 })
	w.Stops(p, 0)

	// Every message is with one of the two.
	stored := own(w)
	dead := w.Queue("log_dlq")
	var lost, twice, given []int
	took := old.taken()
	first := down.taken()
	for seq := 1; seq <= last; seq++ {
		n := stored[seq] + took[seq] + dead.Count[seq] + deadOf(dead.Strange, seq)
		if seq <= 45 && first[seq] > 0 && stored[seq] == 0 {
			given = append(given, seq) // the original's own loss: what it had in memory when it was ended
			continue
		}
		switch {
		case n == 0:
			lost = append(lost, seq)
		case n > 1:
			twice = append(twice, seq)
		}
		if seq > alone && took[seq] > 0 {
			t.Errorf("the original took message %d after its end", seq)
		}
	}
	if len(lost)+len(twice) > 0 {
		t.Errorf("lost: %v; with both: %v", lost, twice)
	}
	if len(given) > 2 {
		t.Errorf("of the original's file, %v did not come home", given)
	}
	want := 3 + (alone-45)/20 + 4
	if got := dead.Total() + len(dead.Strange); got != want {
		t.Errorf("%d dead letters of both, want %d", got, want)
	}
	t.Logf("of %d messages the original took %d beside logpipe and %d before, logpipe stored %d", last, len(took), len(first), len(stored))
}

// own are the messages in logpipe's objects, not in the original's.
func own(w *world.World) map[int]int {
	w.TB.Helper()
	found := map[int]int{}
	for _, o := range objects(w.TB.(*testing.T), storeReaders[0], w.S3, w.Bucket) {
		if filepath.Ext(o.Key) != ".gz" {
			continue
		}
		for line := range bytes.Lines(o.Text) {
			var record struct {
				Seq    int
				Error_ string `json:"_error"`
			}
			if err := json.Unmarshal(line, &record); err != nil || record.Seq == 0 || record.Error_ != "" {
				w.TB.Errorf("%s has the line %.200s (%v)", o.Key, line, err)
			}
			found[record.Seq]++
		}
	}
	return found
}

// deadOf is how often a record that is no JSON is among some texts.
func deadOf(texts []string, seq int) (n int) {
	for _, s := range texts {
		if bytes.HasSuffix([]byte(s), fmt.Appendf(nil, `"seq": %d`, seq)) {
			n++
		}
	}
	return n
}

// original is a running consumer of clients/original.py.
type original struct {
	*process.Process
	w *world.World
}

func (o *original) env() []string { return append(o.w.Env(), "PYTHONUNBUFFERED=1") }

func startOriginal(w *world.World, more ...string) *original {
	w.TB.Helper()
	o := &original{w: w}
	env := append(o.env(), more...)
	p, err := process.Start("/bin/sh", env, nil, "-c", `exec "$0" "$@" 1>&2`, python, filepath.Join(folder(), "original.py"), "consume")
	check(w.TB, err)
	o.Process = p
	w.TB.Cleanup(func() {
		if !p.Ended() {
			p.Kill()
		}
		if w.TB.Failed() {
			w.TB.Logf("the original:\n%s", p.Tail(5))
		}
	})
	w.Until("the original reads", func() bool { return o.count("ready") == 1 })
	return o
}

// produce lets the original's producer write.
func (o *original) produce(first, n, invalid int) {
	o.w.TB.Helper()
	env := append(o.env(), fmt.Sprint("FIRST=", first), fmt.Sprint("MESSAGES=", n), fmt.Sprint("INVALID_EVERY=", invalid))
	p, err := process.Start(python, env, nil, filepath.Join(folder(), "original.py"), "produce")
	check(o.w.TB, err)
	o.w.Exits(p, 0)
}

// stop ends it as its pod does.
func (o *original) stop() {
	o.w.TB.Helper()
	check(o.w.TB, o.Signal(os.Interrupt))
	o.w.Until("the original has ended", o.Ended)
}

func (o *original) count(what string) (n int) {
	for _, line := range o.Log() {
		if line.Text("what") == what {
			n++
		}
	}
	return n
}

// taken are the messages that it has acked, dead letters apart.
func (o *original) taken() map[int]int {
	all := map[int]int{}
	for _, line := range o.Log() {
		if line.Text("what") == "taken" {
			all[line.Int("seq")]++
		}
	}
	return all
}
