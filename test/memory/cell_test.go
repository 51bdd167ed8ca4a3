package memory

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

func TestMain(m *testing.M) { servers.Main(m) }

// What makes a pipeline hold as much as it may.
const (
	fine     = "S3 well"               // a long queue
	held     = "S3 down"               // for long, without a fallback
	fallback = "S3 down, fallback"     // likewise with one, and all of it comes home
	dead     = "dead letters stuck"    // all messages are dead letters, and their queue takes none
	rare     = "few held, others pass" // one of 200, in a batch that stays open
)

// cell is one cell of the table.
type cell struct {
	what  string
	body  int64
	limit int64 // max_in_flight_bytes; 0: what follows from the pipeline
	pack  string
}

func (c cell) String() string {
	limit := "default"
	if c.limit > 0 {
		limit = text(c.limit)
	}
	return fmt.Sprintf("%s, %s of %s, %s", c.what, limit, text(c.body), c.pack)
}

func text(n int64) string { return engine.Bytes(n).String() }

// base is what the program takes without messages, and factor how many times max_in_flight_bytes it takes beside that: the bound that
// docs/operations.md states.
const (
	base      = 40_000_000
	factor    = 2.5
	byDefault = 145 << 20 // what the pipeline of these tests may have in flight without max_in_flight_bytes
)

// quiet is what a process has at most that was flooded and has nothing to do for half a minute.
const quiet = 60_000_000

func (c cell) window() int64 {
	if c.limit == 0 {
		return byDefault
	}
	return c.limit
}

// bound is what the process may have in memory.
func (c cell) bound() int64 { return base + int64(factor*float64(max(c.window(), c.body))) }

// messages are enough to fill the window some times, of small ones at least as many as may be in flight.
func (c cell) messages() int {
	n := int(min(4*c.window()/c.body, 70_000)) // more than the broker lets anybody have unacked
	if c.what == rare {
		n = max(n, 10*c.rarity())
	}
	return max(n, 12)
}

// rarity is one of how many messages stays in its batch. Of large bodies it is more of them: few fill the window, and hundreds would only be
// gigabytes that pass.
func (c cell) rarity() int {
	if c.body > 64<<10 {
		return 8
	}
	return 200
}

// pad is text that no compressor makes much smaller.
var pad = sync.OnceValue(func() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, 17<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(b) // never fails
	for i := range b {
		b[i] = letters[b[i]&63]
	}
	return string(b)
})

// bodyOf is message seq: JSON, unless it is to be a dead letter.
func (c cell) bodyOf(seq int) string {
	source := "common"
	if c.what == rare && seq%c.rarity() == 0 {
		source = "rare"
	}
	head := fmt.Sprintf(`{"seq":%d,"source":%q,"pad":"`, seq, source)
	end := `"}`
	if c.what == dead {
		end = `""`
	}
	from := seq * 131 % (1 << 20)
	return head + pad()[from:from+max(0, int(c.body)-len(head)-len(end))] + end
}

func (c cell) pipeline() string {
	limit := ""
	if c.limit > 0 {
		limit = fmt.Sprintf("max_in_flight_bytes = %d", c.limit)
	}
	age := "2s"
	if c.what == rare {
		age = "10m"
	}
	var more strings.Builder
	if c.what == fallback {
		more.WriteString("fallback \"file\" {\n path = env(\"FALLBACK_PATH\")\n }\n")
	}
	count := 1000
	if c.body < 4<<10 {
		count = 10_000 // of smaller ones the window would hold less than max_in_flight_bytes
	}
	return fmt.Sprintf(`
admin {
  pprof = true
}
pipeline "memory" {
  input "amqp" {
    url        = env("RABBITMQ_URL")
    queue      = "memory"
    queue_type = "classic"
    %s
  }
  processor "json" {}
  processor "batch" {
    count        = %d
    age          = %q
    partition_by = ["source"]
  }
  output "s3" {
    bucket      = env("S3_BUCKET")
    endpoint    = env("S3_ENDPOINT")
    key         = "${batch.date}/${batch.id}.ndjson"
    compression = %q
  }
  %s
  dead_letter "amqp" {
    url      = env("RABBITMQ_URL")
    exchange = "graves"
    queue    = "graves"
  }
}
`, limit, count, age, c.pack, more.String())
}

// result is what a cell came to.
type result struct {
	cell
	peak   int64 // of all
	after  int64 // when all is stored, and with S3 well from the start also quiet
	raised bool  // the program found that its limit costs too much
	took   time.Duration
}

func (r result) String() string {
	const mb = 1_000_000
	return fmt.Sprintf("| %s | %s | %s | %s | %d | %.0f | %.0f | %.2f | %.0f | %.0f |", r.what, text(r.body), text(r.window()), r.pack, r.messages(), float64(r.peak)/mb,
		float64(r.bound())/mb, float64(r.peak-base)/float64(max(r.window(), r.body)), float64(r.after)/mb, r.took.Seconds())
}

const heading = "| what | body | in flight | compression | messages | peak, MB | bound, MB | factor | at the end, MB | s |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"

// run fills a queue, lets the program work on it, and returns what that took. No message may be lost on the way.
func (c cell) run(t *testing.T) result {
	began := time.Now()
	w := world.New(t)
	store := w.ThroughStore()
	n := c.messages()
	ch := w.Channel()
	if _, err := ch.QueueDeclare("memory", true, false, false, false, amqp.Table{"x-queue-type": "classic"}); err != nil {
		t.Fatal(err)
	}
	c.fill(t, ch, n)
	switch c.what {
	case held, fallback:
		store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	case dead:
		w.Policy("graves", map[string]any{"pattern": "^graves$", "definition": map[string]any{"max-length": 0, "overflow": "reject-publish"}})
	}
	p := w.Start(w.Env(), "run", w.Config(c.pipeline()))
	c.endure(w, p, n)
	store.Heal()
	if c.what == dead {
		w.NoPolicy("graves")
	}
	w.Taken("memory")
	if c.what == fallback {
		w.Until("the fallback is home", func() bool { return w.InFallback().Places == 0 })
	}
	if c.what == dead {
		w.Until("the dead letters have arrived", func() bool { return w.Depth("graves") == n })
	}
	if c.what == fine { // nothing is held any more, so it has to go back by itself
		w.Until("the process has given its memory back", func() bool { now, _ := resident(t, p.PID()); return now <= quiet })
	}
	after, peak := resident(t, p.PID())
	_, raised := p.Find("the limit is raised")
	w.Stops(p, 0)
	w.Account(n, "graves")
	return result{cell: c, peak: peak, after: after, raised: raised, took: time.Since(began)}
}

// fill puts the messages into the queue. They need not outlive the broker.
func (c cell) fill(t *testing.T, ch *amqp.Channel, n int) {
	t.Helper()
	const window = 500
	var open []*amqp.DeferredConfirmation
	for seq := 1; seq <= n; seq++ {
		confirm, err := ch.PublishWithDeferredConfirm("", "memory", true, false, amqp.Publishing{Body: []byte(c.bodyOf(seq))})
		if err != nil {
			t.Fatal(err)
		}
		if open = append(open, confirm); len(open) < window && seq < n {
			continue
		}
		for _, confirm := range open {
			if ok, err := confirm.WaitContext(t.Context()); err != nil || !ok {
				t.Fatalf("the broker did not take a message of the test (%v)", err)
			}
		}
		open = open[:0]
	}
}

// endure waits until the pipeline holds what it may, and some time more.
func (c cell) endure(w *world.World, p *process.Process, n int) {
	switch c.what {
	case fine, rare:
		return
	case fallback:
		w.Until("all is in the fallback", func() bool { return w.Depth("memory") == 0 && w.Unacked("memory") == 0 })
		return
	}
	kept, since := -1, time.Now()
	w.Until("the intake has stopped", func() bool {
		if depth := w.Depth("memory"); depth != kept {
			kept, since = depth, time.Now()
		}
		return time.Since(since) > 10*time.Second
	})
}
