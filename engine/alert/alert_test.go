package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
)

// bench is an engine that watches one pipeline in virtual time.
type bench struct {
	*testing.T
	p      *stats.Pipeline
	set    stats.Set
	engine *Engine
	text   syncText
	end    func()
}

func newBench(t *testing.T, configs ...Config) *bench {
	b := &bench{T: t, p: stats.NewPipeline("logs", []stats.Place{
		{Name: "input.a", Role: engine.RoleInput}, {Name: "output.s3", Role: engine.RoleOutput}, {Name: "dead_letter.amqp", Role: engine.RoleDeadLetter},
		{Name: "fallback.file", Role: engine.RoleFallback},
	})}
	b.set.Replace([]*stats.Pipeline{b.p})
	b.engine = New(&b.set, Origin{}, slog.New(slog.NewTextHandler(&b.text, nil)))
	b.engine.Set(configs)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); b.engine.Run(ctx, nil) }()
	b.end = func() { stop(); <-over }
	return b
}

// after lets time pass and expects these texts in the lines that came, one each.
func (b *bench) after(d time.Duration, want ...string) {
	b.Helper()
	time.Sleep(d)
	synctest.Wait()
	lines := strings.FieldsFunc(b.text.take(), func(r rune) bool { return r == '\n' })
	ok := len(lines) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = strings.Contains(lines[i], want[i])
	}
	if !ok {
		b.Errorf("after %s the log has %q, want %q", d, lines, want)
	}
}

func (b *bench) observe(kind engine.EventKind, step string, n int, err error) {
	e := engine.Event{Kind: kind, Plugin: step, Messages: n, Err: err}
	if err == nil && kind == engine.Attempt {
		e.Stored = n
	}
	b.p.Observe(e)
}

func rules() Config {
	return Config{Kind: Webhook, SendResolved: true, Repeat: 4 * time.Hour, ResolveAfter: time.Minute, Timeout: time.Second,
		DeadLetters: 1, SuccessRate: 0.9, Window: 5 * time.Minute, LeastWrites: 10, UnsettledAge: 10 * time.Minute, Outage: 5 * time.Minute, ReloadRefused: true}
}

// A short outage calls nobody, a long one does so once, is told again after repeat, and is over when the output was well for a while.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, rules())
		defer b.end()
		down := errors.New("connection refused")
		b.observe(engine.Outage, "output.s3", 0, down)
		b.after(4 * time.Minute)
		b.observe(engine.Outage, "output.s3", 0, nil)
		b.after(10 * time.Minute)
		b.observe(engine.Attempt, "output.s3", 1, down)
		b.observe(engine.Outage, "output.s3", 0, down)
		b.after(4*time.Minute + 50*time.Second)
		b.after(20*time.Second, "level=WARN msg=\"alert fires\" alert=LogpipeOutage pipeline=logs plugin=output.s3")
		b.after(4*time.Hour - time.Minute)
		b.after(2*time.Minute, "alert still fires")
		b.observe(engine.Outage, "output.s3", 0, nil)
		b.after(50 * time.Second)
		b.observe(engine.Outage, "output.s3", 0, down) // the same trouble, not a new one
		b.after(10 * time.Second)
		b.observe(engine.Outage, "output.s3", 0, nil)
		b.after(50 * time.Second)
		b.after(20*time.Second, "level=INFO msg=\"alert is resolved\" alert=LogpipeOutage")
	})
}

// Files that are refused are found when the process is started anew, at night and by somebody else, unless somebody is called when it happens.
func TestRefusedReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		about, off := rules(), rules()
		about.Pipelines = []string{"another"}
		off.Labels, off.ReloadRefused = map[string]string{"team": "b"}, false
		for _, configs := range [][]Config{{rules()}, {about, off}} {
			b := newBench(t, configs...)
			b.set.Reloaded(nil)
			b.after(time.Minute)
			b.set.Reloaded(errors.New("logs.hcl:3:1: the pipeline has no name"))
			b.after(5*time.Second, `level=WARN msg="alert fires" alert=LogpipeReloadRefused cause="the reload is refused: logs.hcl:3:1: the pipeline has no name"`)
			b.set.Reloaded(errors.New("logs.hcl:4:1: another mistake"))
			b.after(10 * time.Minute)
			b.set.Reloaded(nil)
			b.after(50 * time.Second)
			b.after(20*time.Second, `level=INFO msg="alert is resolved" alert=LogpipeReloadRefused`)
			b.end()
		}
		b := newBench(t, off)
		defer b.end()
		b.set.Reloaded(errors.New("refused"))
		b.after(time.Hour)
	})
}

// A busy output always has a write on its way. If that were an outage, one that is over would never be resolved, and nobody hears of the next one;
// if a write that hangs were none, logs would wait and nobody be called.
func TestWriteOnItsWay(t *testing.T) {
	now := time.Now()
	p := stats.NewPipeline("logs", []stats.Place{{Name: "output.s3", Role: engine.RoleOutput}})
	w := newWatch(rules())
	for age, want := range map[time.Duration]bool{10 * time.Millisecond: false, 4 * time.Minute: false, 5 * time.Minute: true, time.Hour: true} {
		state := flow.State{Outputs: []flow.OutputState{{Name: "output.s3", Oldest: now.Add(-age)}}}
		if c := w.outage(p, p.Steps[0], state, now); c.holds != want || want && !c.since.Equal(now.Add(-age)) {
			t.Errorf("a write that began %s ago is an outage: %v, since %v", age, c.holds, c.since)
		}
	}
}

// The line has the cause with the last error, value, threshold and what comes next: it is all that somebody has at night.
func TestLineSaysAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, rules())
		defer b.end()
		b.observe(engine.Attempt, "output.s3", 1, errors.New("connection refused"))
		b.observe(engine.Outage, "output.s3", 0, errors.New("connection refused"))
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		for _, want := range []string{"pipeline=logs", "plugin=output.s3", "the last error: connection refused", "value=", "threshold=5m0s", "next="} {
			if !strings.Contains(b.text.String(), want) {
				t.Errorf("%q is missing in %s", want, b.text.String())
			}
		}
	})
}

// A dead letter calls at once, and more of them do not call again. Where nobody knows how many wait, it is over after the time of repeat
// without a new one; then the next one calls again.
func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, rules())
		defer b.end()
		b.after(time.Minute)
		b.observe(engine.DeadLettered, "dead_letter.amqp", 2, nil)
		b.after(6*time.Second, "alert fires\" alert=LogpipeDeadLetters pipeline=logs plugin=dead_letter.amqp cause=\"2 dead letters were written\" value=2 threshold=1")
		b.observe(engine.DeadLettered, "dead_letter.amqp", 1, nil)
		b.after(3 * time.Hour)
		b.after(2*time.Hour, "alert is resolved")
		b.after(24 * time.Hour)
		b.observe(engine.DeadLettered, "dead_letter.amqp", 1, nil)
		b.after(6*time.Second, "alert fires")
	})
}

// A file does not count the messages that it holds. If the alert waited for that number, the disk of the fallback would fill up and nobody be called.
func TestBacklogOfAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rules()
		c.BacklogMessages = 1000
		b := newBench(t, c)
		defer b.end()
		b.observe(engine.FellBack, "fallback.file", 999, nil)
		b.after(time.Minute)
		b.observe(engine.FellBack, "fallback.file", 1, nil)
		b.after(6*time.Second, "alert fires\" alert=LogpipeFallbackBacklog pipeline=logs plugin=fallback.file cause=\"the fallback holds 1000 messages\"")
		b.observe(engine.Recovered, "fallback.file", 1000, nil)
		b.after(2*time.Minute, "alert is resolved")
	})
}

// The success rate needs a least number of writes, so that one failure at night is not 0 %.
func TestSuccessRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, rules())
		defer b.end()
		write := func(n int, err error) {
			for range n {
				b.observe(engine.Attempt, "output.s3", 1, err)
			}
		}
		write(9, errors.New("503"))
		b.after(6 * time.Minute)
		write(18, nil)
		write(2, errors.New("503"))
		b.after(10 * time.Second) // 90 %
		write(1, errors.New("503"))
		b.after(10*time.Second, `alert fires" alert=LogpipeSuccessRate`)
		b.after(7*time.Minute, "alert is resolved")
	})
}

// A pipeline that breaks again and again is one alert, though it runs for a moment between.
func TestFailingPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, rules())
		defer b.end()
		for range 11 {
			b.p.Observe(engine.Event{Kind: engine.Started})
			b.after(10 * time.Second)
			b.p.Observe(engine.Event{Kind: engine.Failed, Err: errors.New("no such queue"), Took: 20 * time.Second})
			time.Sleep(20 * time.Second)
		}
		b.p.Observe(engine.Event{Kind: engine.Started})
		b.after(time.Second, `alert fires" alert=LogpipePipelineFailing pipeline=logs cause="it fails and is started again; the last error: no such queue"`)
		b.after(2*time.Minute, "alert is resolved")
	})
}

// Two blocks that watch the same are one line of the log; a changed file changes what is watched and keeps what fires.
func TestSetKeepsAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, rules(), rules())
		defer b.end()
		b.observe(engine.DeadLettered, "dead_letter.amqp", 2, nil)
		b.after(6*time.Second, "alert fires")
		changed := rules()
		changed.Repeat = time.Hour
		b.engine.Set([]Config{changed})
		b.after(50 * time.Minute)
		b.after(20*time.Minute, "alert is resolved")
		b.engine.Set(nil)
		b.observe(engine.DeadLettered, "dead_letter.amqp", 2, nil)
		b.after(time.Hour)
	})
}

// The last messages of a job may be its dead letters: they are told although the process ends before the next look.
func TestLastLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, rules())
		b.observe(engine.DeadLettered, "dead_letter.amqp", 2, nil)
		b.end()
		b.after(0, "alert fires")
	})
}

// Alerts are only for the pipelines that the block names.
func TestPipelines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := rules()
		other.Pipelines = []string{"other"}
		b := newBench(t, other)
		defer b.end()
		b.observe(engine.DeadLettered, "dead_letter.amqp", 2, nil)
		b.after(time.Minute)
		other.Pipelines = []string{"other", "logs"}
		b.engine.Set([]Config{other})
		b.after(time.Minute, "alert fires")
	})
}

// A window's samples are bounded, however often the rules are asked.
func TestSamplesBounded(t *testing.T) {
	c := rules()
	w := newWatch(c)
	p := stats.NewPipeline("logs", []stats.Place{{Name: "output.s3", Role: engine.RoleOutput}})
	at := time.Now()
	for range 10000 {
		at = at.Add(time.Second)
		w.tick([]*stats.Pipeline{p}, stats.Reloads{}, at, false)
	}
	if n := len(w.samples[key{nameSuccessRate, "logs", "output.s3"}]); n > samplesMost+2 {
		t.Error(fmt.Sprint(n, " samples are kept"))
	}
}
