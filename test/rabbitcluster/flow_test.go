//go:build cluster

package rabbitcluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/tally"
	"github.com/logpipe/logpipe/test/world"
)

// atOnce is how many dead letters are under way on one connection: what is lost with it, is sent again.
const atOnce = 1000

// flow is the load, two replicas of logpipe and what they store.
type flow struct {
	*world.World
	cluster  *servers.Cluster
	vhost    string
	replicas []*process.Process
	window   int // what the broker may deliver to a replica before an ack
}

// underFault lets logs flow, lets the fault happen, and accounts for all of them.
func underFault(t *testing.T, c *servers.Cluster, vhost string, fault func(*flow)) {
	f := &flow{World: world.OnCluster(t, c, vhost), cluster: c, vhost: vhost}
	f.OwnS3() // whose folder can be looked into
	for i := range 2 {
		env := f.Env("BATCH_SIZE=100", fmt.Sprintf("FALLBACK_PATH=%s.%d", f.Fallback(), i))
		p := f.Start(env, "run", "pipeline.hcl")
		f.Says(p, "input is open")
		f.window = f.Says(p, "prefetch").Int("messages")
		f.replicas = append(f.replicas, p)
	}
	f.whole()
	urls, err := c.VHost(t.Context(), vhost)
	f.check(err)
	began := time.Now()
	l := startLoad(t, urls)
	f.flows(5 * time.Second)
	calm, _ := longestGap(f.stores(began, time.Now()))
	hit := time.Now()
	fault(f)
	f.flows(5 * time.Second)
	f.eachReads()
	gap, at := longestGap(f.stores(hit, time.Now()))
	l.end()
	f.account(l)
	f.told(hit)
	t.Logf("the longest time without a stored object: %v, %v after the fault began; %v before it", gap.Round(10*time.Millisecond),
		at.Sub(hit).Round(10*time.Millisecond), calm.Round(10*time.Millisecond))
}

// account ends the replicas when all has arrived and looks for each confirmed message.
func (f *flow) account(l *load) {
	f.TB.Helper()
	f.Taken("log_queue")
	for _, p := range f.replicas {
		f.Stops(p, 0)
	}
	stored, left, dead := f.Stored(), f.Queue("log_queue"), f.Queue("log_dlq")
	if left.Total() > 0 {
		f.TB.Errorf("%d messages are in the queue after both replicas have drained", left.Total())
	}
	lost, wrong := 0, 0
	for n := range l.confirmed {
		place := stored
		if n%badEvery == 0 {
			place = dead
		}
		switch {
		case stored.Count[n]+dead.Count[n] == 0:
			lost++
		case place.Count[n] == 0:
			wrong++
		}
	}
	if lost > 0 || wrong > 0 {
		f.TB.Errorf("of %d confirmed messages %d are lost and %d are in the wrong place", len(l.confirmed), lost, wrong)
	}
	f.twice(stored, dead)
	f.TB.Logf("%d messages were sent and %d confirmed; %d are stored, %d are dead letters, and all confirmed ones are there: %v",
		l.seq.Load(), len(l.confirmed), len(stored.Count), len(dead.Count), lost == 0)
}

// twice holds the copies against the bound: a lost input may get its whole window again, and a lost dead letter what it had under way.
func (f *flow) twice(stored, dead *tally.Tally) {
	f.TB.Helper()
	inputs, outputs := 0, 0
	for _, p := range f.replicas {
		for _, line := range p.Log() {
			switch msg := line.Text("msg"); {
			case strings.Contains(msg, "input is lost"):
				inputs++
			case strings.Contains(msg, "dead_letter fails"):
				outputs++
			}
		}
	}
	bound := inputs*f.window + outputs*atOnce
	copies := stored.Twice() + dead.Twice()
	f.TB.Logf("%d messages are there twice; the bound is %d: %d lost inputs, %d failures of the dead letter", copies, bound, inputs, outputs)
	if copies > bound {
		f.TB.Errorf("%d messages are there twice, the bound is %d", copies, bound)
	}
}

// flows lets the load go on for a time, and until something is stored after it.
func (f *flow) flows(d time.Duration) {
	f.TB.Helper()
	time.Sleep(d) // the load itself is what takes time
	since := time.Now()
	f.Until("something is stored", func() bool { return len(f.stores(since, time.Now())) > 2 })
}

// eachReads waits until each replica gets more messages: one that stands still on a living connection would hold a window of them for ever,
// while the other hides it.
func (f *flow) eachReads() {
	f.TB.Helper()
	for i, p := range f.replicas {
		before := f.received(p)
		f.Until(fmt.Sprintf("replica %d gets more than %d messages", i, before), func() bool { return f.received(p) > before })
	}
}

var received = regexp.MustCompile(`(?m)^logpipe_received_messages_total\{[^}]*role="input"\} ([0-9.e+]+)$`)

// received is how many messages a replica has read, by its own count.
func (f *flow) received(p *process.Process) int {
	f.TB.Helper()
	answer, err := http.Get(f.AdminURL(p) + "metrics")
	f.check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	f.check(err)
	m := received.FindSubmatch(text)
	if m == nil {
		f.TB.Fatal("the metrics do not say how many messages were read")
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	f.check(err)
	return int(n)
}

// stores are the moments at which objects were stored, between two others, which are among them. S3 itself tells only the second.
func (f *flow) stores(from, to time.Time) []time.Time {
	f.TB.Helper()
	all := []time.Time{from}
	f.check(filepath.WalkDir(filepath.Join(f.S3.Data, f.Bucket), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".gz" {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(from) && info.ModTime().Before(to) {
			all = append(all, info.ModTime())
		}
		return ignoreGone(err)
	}))
	return append(all, to)
}

// ignoreGone passes over files of the server's own, which come and go.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// longestGap is the longest time between two of the moments, and when it began.
func longestGap(moments []time.Time) (longest time.Duration, began time.Time) {
	slices.SortFunc(moments, time.Time.Compare)
	for i := 1; i < len(moments); i++ {
		if d := moments[i].Sub(moments[i-1]); d > longest {
			longest, began = d, moments[i-1]
		}
	}
	return longest, began
}

// told prints what the replicas said since the fault, so that a long gap can be explained.
func (f *flow) told(hit time.Time) {
	f.TB.Helper()
	for i, p := range f.replicas {
		for _, line := range p.Log() {
			at, err := time.Parse(time.RFC3339Nano, line.Text("time"))
			if err != nil || at.Before(hit) || line.Text("level") == "INFO" && !strings.HasPrefix(line.Text("msg"), "connected") {
				continue
			}
			f.TB.Logf("replica %d after %v: %s %s %s", i, at.Sub(hit).Round(10*time.Millisecond), line.Text("msg"), line.Text("broker"), line.Text("error"))
		}
	}
}

// quorum is what a node says of the queue.
type quorum struct {
	Leader  string
	Online  []string
	Members []string
}

func (f *flow) queue(node int) (q quorum, err error) {
	err = f.cluster.Nodes[node].Admin(f.TB.Context(), "GET", "/api/queues/"+f.vhost+"/log_queue", nil, &q)
	return q, err
}

// whole waits until every node says that the queue has all of its members.
func (f *flow) whole() {
	f.TB.Helper()
	f.Until("the queue is whole", func() bool {
		for i := range f.cluster.Nodes {
			if q, err := f.queue(i); err != nil || q.Leader == "" || len(q.Online) != len(f.cluster.Nodes) {
				return false
			}
		}
		return true
	})
}

// leadWhereReplicaReads makes the node lead the queue that the first replica reads from: the fault that costs most.
func (f *flow) leadWhereReplicaReads() (node int) {
	f.TB.Helper()
	node = f.readers()[0]
	f.lead(node)
	return node
}

// leadWhereNobodyReads makes a node lead the queue that no replica reads from: no connection of theirs ends then.
func (f *flow) leadWhereNobodyReads() (node int) {
	f.TB.Helper()
	for readers := f.readers(); slices.Contains(readers, node); {
		node++
	}
	f.lead(node)
	return node
}

// readers are the nodes that the replicas read from.
func (f *flow) readers() (nodes []int) {
	f.TB.Helper()
	for _, p := range f.replicas {
		broker := f.readsFrom(p)
		node := slices.Index(f.cluster.Addresses(), broker)
		if node < 0 {
			f.TB.Fatalf("the log does not say which node the replica reads from: %q", broker)
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// lead moves the queue's leader.
func (f *flow) lead(node int) {
	f.TB.Helper()
	f.TB.Logf("node %d is hit; the replicas read from the nodes %v", node, f.readers())
	q, err := f.queue(node)
	f.check(err)
	if want := f.cluster.Name(node); q.Leader != want {
		member := f.vhost + "_log_queue"
		_, err := f.cluster.Nodes[node].Ctl(f.TB.Context(), "eval",
			fmt.Sprintf("ra:transfer_leadership({'%s','%s'},{'%s','%s'}).", member, q.Leader, member, want))
		f.check(err)
		f.Until("the node leads the queue", func() bool { q, err := f.queue(node); return err == nil && q.Leader == want })
	}
}

// readsFrom is the broker that a replica's input has named last.
func (f *flow) readsFrom(p *process.Process) (broker string) {
	for _, line := range p.Log() {
		if strings.HasPrefix(line.Text("msg"), "connected") && strings.Contains(line.Text("plugin"), "input") {
			broker = line.Text("broker")
		}
	}
	return broker
}

func (f *flow) check(err error) {
	f.TB.Helper()
	if err != nil {
		f.TB.Fatal(err)
	}
}
