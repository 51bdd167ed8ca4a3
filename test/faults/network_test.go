package faults

import (
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// The network breaks under load, in several ways, three times each.
func TestNetworkBreaks(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(w *world.World, p *process.Process, way *proxy.Proxy, i int){
		"cut for a while": func(w *world.World, p *process.Process, way *proxy.Proxy, i int) {
			way.Cut()
			w.SaysTimes(p, "input is lost", i+1)
			way.Heal()
		},
		"reset in the middle of a frame": func(w *world.World, p *process.Process, way *proxy.Proxy, i int) {
			way.CutAfter([]int64{5, 10_007, 200_003}[i])
			w.SaysTimes(p, "input is lost", i+1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			queueTypes(t, func(t *testing.T, kind string) {
				w := world.New(t)
				way := w.ThroughProxy()
				const n, times = 30_000, 3
				p := w.Start(w.Env("BATCH_SIZE=100"), w.Config(reading(t, kind)))
				window := w.Says(p, "prefetch").Int("messages")
				w.Says(p, "input is open")
				producer := w.Producer(n, "RATE=5000")
				for i := range times {
					from := len(w.Keys())
					w.Until("it stores something", func() bool { return len(w.Keys()) > from })
					breaks(w, p, way, i)
					w.SaysTimes(p, "input is back", i+1)
				}
				w.Exits(producer, 0)
				settles(w, p, n, times*window)
			})
		})
	}
}

// A slow link costs time and nothing else: a broker that says something, however slowly, is not taken for dead.
func TestSlowLink(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	way := w.ThroughProxy()
	const n = 600
	p := w.Start(append(w.Env("BATCH_SIZE=100"), "RABBITMQ_URL="+w.ThroughURL()+"?heartbeat=1"), "pipeline.hcl")
	w.Says(p, "input is open")
	way.Slow(20 << 10)
	w.Produce(n)
	w.Until("all is stored", func() bool { return len(w.Stored().Count) == n })
	settles(w, p, n, 0)
	if line, lost := p.Find("input is lost"); lost {
		t.Errorf("a slow connection counts as dead: %v", line)
	}
}

// Packets vanish and no connection ends: only heartbeats can find that. Without them logpipe would wait for ever on a dead connection, and the
// broker would keep its messages for a consumer that is not there.
func TestHalfOpenConnection(t *testing.T) {
	queueTypes(t, func(t *testing.T, kind string) {
		w := world.New(t)
		way := w.ThroughProxy()
		const n = 10_000
		env := append(w.Env("BATCH_SIZE=100"), "RABBITMQ_URL="+w.ThroughURL()+"?heartbeat=1&connection_timeout=1000")
		p := w.Start(env, w.Config(reading(t, kind)))
		window := w.Says(p, "prefetch").Int("messages")
		w.Says(p, "input is open")
		producer := w.Producer(n, "RATE=3000")
		w.Until("it stores something", func() bool { return len(w.Keys()) > 0 })
		way.Vanish()
		if line := w.Says(p, "input is lost"); !strings.Contains(line.Text("error"), "no sign of life") {
			t.Errorf("the error is %q", line.Text("error"))
		}
		w.Exits(producer, 0)
		way.Heal()
		w.Says(p, "input is back")
		settles(w, p, n, window)
	})
}

// The connection breaks as soon as it is of use, again and again: a storm of redeliveries. It ends, and nothing is lost in it.
func TestRedeliveryStorm(t *testing.T) {
	queueTypes(t, func(t *testing.T, kind string) {
		w := world.New(t)
		way := w.ThroughProxy()
		const n, times = 30_000, 10
		p := w.Start(w.Env("BATCH_SIZE=100"), w.Config(reading(t, kind)))
		window := w.Says(p, "prefetch").Int("messages")
		w.Says(p, "input is open")
		producer := w.Producer(n, "RATE=4000")
		for i := range times {
			from := len(w.Keys())
			w.Until("it goes on", func() bool { return len(w.Keys()) > from+10 || producer.Ended() })
			way.Reset()
			w.SaysTimes(p, "input is back", i+1)
		}
		w.Exits(producer, 0)
		settles(w, p, n, times*window)
	})
}
