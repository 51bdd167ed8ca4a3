//go:build faults

package faults

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

// numbered is a message of a key. The numbers of all keys are one sequence.
type numbered struct {
	Seq int    `json:"seq"`
	Key string `json:"key"`
}

// Four queues share a stream by its keys, with a process for each, and one of the processes is restarted under load. What would be lost
// otherwise: a message that two queues get is stored twice, one that none gets not at all. A restarted process that moved the
// keys, because it binds its queue again, would break the order of a key.
func TestShardedByKey(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	hashes(t, w)
	const shards, n = 4, 40_000
	start := func(shard int) *process.Process {
		p := w.Start(w.Env(fmt.Sprint("SHARD=", shard)), "run", "examples/sharded.hcl")
		w.Says(p, "input is open")
		return p
	}
	all := make([]*process.Process, shards)
	for i := range all {
		all[i] = start(i + 1)
	}
	// Each queue is bound now. Before that the keys would move with each that is added.
	publishKeys(w, 1, n/4)
	w.Until("it stores something", func() bool { return len(w.Keys()) > 0 })
	w.Stops(all[1], 0)
	publishKeys(w, n/4+1, n/2)
	all[1] = start(2)
	publishKeys(w, n/2+1, n)
	w.Arrive(n)
	for i, p := range all {
		w.Taken(fmt.Sprintf("logs-%d", i+1))
		w.Stops(p, 0)
	}
	stored := shardsOf(w)
	if len(stored) != shards {
		t.Errorf("%d shards have objects, want %d", len(stored), shards)
	}
	accountShards(t, stored, n)
}

// hashes skips the test where the broker has no such exchange: a named one or a container may lack the plugin. A node of our own has it.
func hashes(t *testing.T, w *world.World) {
	t.Helper()
	var overview struct {
		Types []struct{ Name string } `json:"exchange_types"`
	}
	if err := w.Broker.Admin(t.Context(), "GET", "/api/overview", nil, &overview); err != nil {
		t.Fatal(err)
	}
	for _, kind := range overview.Types {
		if kind.Name == "x-consistent-hash" {
			return
		}
	}
	if _, err := w.Broker.PID(); err == nil || servers.InCI() {
		t.Fatal("the broker has no exchanges of the type x-consistent-hash")
	}
	t.Skip("the broker has no exchanges of the type x-consistent-hash: enable its plugin rabbitmq_consistent_hash_exchange")
}

// publishKeys sends the messages first to last through the exchange, each with one of 100 keys, and returns when the broker has them.
func publishKeys(w *world.World, first, last int) {
	w.TB.Helper()
	ch := w.Channel()
	confirms := make([]*amqp.DeferredConfirmation, 0, last-first+1)
	for seq := first; seq <= last; seq++ {
		m := numbered{seq, fmt.Sprintf("host-%d", seq%100)}
		body, err := json.Marshal(m)
		if err != nil {
			w.TB.Fatal(err)
		}
		c, err := ch.PublishWithDeferredConfirm("logs", m.Key, true, false, amqp.Publishing{Body: body, DeliveryMode: amqp.Persistent})
		if err != nil {
			w.TB.Fatal(err)
		}
		confirms = append(confirms, c)
	}
	for _, c := range confirms {
		if ok, err := c.WaitContext(w.TB.Context()); err != nil || !ok {
			w.TB.Fatalf("the broker did not take a message (%v)", err)
		}
	}
}

// shardsOf reads the bucket: for each shard its objects, in the order of their names, each with its messages.
func shardsOf(w *world.World) map[string][][]numbered {
	w.TB.Helper()
	shards := map[string][][]numbered{}
	for _, key := range w.Keys() {
		out, err := w.S3.Client().GetObject(w.TB.Context(), &s3.GetObjectInput{Bucket: aws.String(w.Bucket), Key: aws.String(key)})
		if err != nil {
			w.TB.Fatal(err)
		}
		r, err := gzip.NewReader(out.Body)
		if err != nil {
			w.TB.Fatal(err)
		}
		var object []numbered
		for d := json.NewDecoder(r); d.More(); {
			var m numbered
			if err := d.Decode(&m); err != nil {
				w.TB.Fatalf("%s: %v", key, err)
			}
			object = append(object, m)
		}
		out.Body.Close()
		shard := path.Base(path.Dir(key))
		shards[shard] = append(shards[shard], object)
	}
	return shards
}

// accountShards wants each message once, each key in one shard, and the order of each key: in an object, and from one object to the
// next. Names have the time of a batch to the millisecond, so two objects of the same one may be listed the wrong way round: what
// counts is that they do not overlap.
func accountShards(t *testing.T, shards map[string][][]numbered, n int) {
	t.Helper()
	times, home := map[int]int{}, map[string]string{}
	for shard, objects := range shards {
		total := 0
		slices.SortFunc(objects, func(a, b []numbered) int { return a[0].Seq - b[0].Seq })
		last := map[string]int{}
		for _, object := range objects {
			total += len(object)
			for _, m := range object {
				times[m.Seq]++
				if was, ok := home[m.Key]; ok && was != shard {
					t.Fatalf("key %s is in %s and in %s", m.Key, was, shard)
				}
				home[m.Key] = shard
				if m.Seq <= last[m.Key] {
					t.Fatalf("%s: message %d of %s comes after %d", shard, m.Seq, m.Key, last[m.Key])
				}
				last[m.Key] = m.Seq
			}
		}
		t.Logf("%s: %d messages of %d keys in %d objects", shard, total, len(last), len(objects))
	}
	for seq := 1; seq <= n; seq++ {
		if times[seq] != 1 {
			t.Fatalf("message %d is stored %d times", seq, times[seq])
		}
	}
}
