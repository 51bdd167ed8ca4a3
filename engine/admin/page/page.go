package page

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine/stats"
)

// Kinds of processors.
const (
	KindTransform = "transform"
	KindStage     = "stage"
	KindPolicy    = "policy"
)

// About is what a step is, which its counters do not know.
type About struct {
	Kind    string // of a processor; "" is a transform
	Text    string // what tells it from others, as in "bucket logs"
	Rejects bool   // whether it sends messages to the dead letter
}

// Options is what a page is made with. Only Set is needed. The functions are called from any goroutine, with the names of pipelines of Set,
// also with those that a reload has just taken away.
type Options struct {
	Set     *stats.Set
	Version string
	Go      string
	Started time.Time
	// About tells what a step of a pipeline is. It is asked once for each stats.Pipeline.
	About func(pipeline, step string) About
	// Config is the text of a pipeline's configuration without its secrets, and false for one that is not known.
	Config func(pipeline string) (string, bool)
}

// Page serves the status page, its events and the status as JSON. Run must run beside it.
type Page struct {
	Options
	host    string
	done    chan struct{} // closed when Run ends: streams end then
	streams chan struct{} // holds one for each open stream

	mu     sync.Mutex
	ticks  int64
	seq    int64 // points of the history so far
	tracks map[string]*track
	last   event // the newest, for all streams of one second
}

// New makes the page.
func New(o Options) *Page {
	if o.Started.IsZero() {
		o.Started = time.Now()
	}
	p := &Page{Options: o, done: make(chan struct{}), streams: make(chan struct{}, maxStreams), tracks: map[string]*track{}}
	p.host, _ = os.Hostname() // without it the page has no host
	p.follow(time.Now())
	return p
}

// Run looks at the counters once a second until ctx ends. Then all streams end.
func (p *Page) Run(ctx context.Context) {
	defer close(p.done)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.tick(time.Now())
		}
	}
}

func (p *Page) tick(now time.Time) {
	p.follow(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ticks++
	if p.ticks%pointTicks == 0 {
		p.seq++
	}
	for _, t := range p.tracks {
		t.tick(p.ticks, now)
	}
}

// follow takes note of pipelines that came and went, and returns those of now in their order.
func (p *Page) follow(now time.Time) (all []*track) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := map[string]*track{}
	for _, of := range p.Set.All() {
		t := p.tracks[of.Name]
		if t == nil || t.of != of {
			t = newTrack(of, func(step string) About { return p.about(of.Name, step) }, t, now)
		}
		next[of.Name] = t
		all = append(all, t)
	}
	p.tracks = next
	return all
}

func (p *Page) about(pipeline, step string) About {
	a := About{Kind: KindTransform}
	if p.About != nil {
		a = p.About(pipeline, step)
	}
	return a
}

// Register mounts the page at / with all that it needs.
func (p *Page) Register(handle func(pattern string, h http.Handler)) {
	handle("GET /{$}", http.HandlerFunc(p.document))
	handle("GET /events", http.HandlerFunc(p.events))
	handle("GET /api/status", http.HandlerFunc(p.status))
	handle("GET /api/config/{pipeline}", http.HandlerFunc(p.config))
}

// status answers with the Status. With ?history=no it has no history.
func (p *Page) status(w http.ResponseWriter, r *http.Request) {
	since := int64(0)
	now := p.Status(time.Now(), since)
	if r.URL.Query().Get("history") == "no" {
		for i := range now.Pipelines {
			now.Pipelines[i].History = History{}
		}
	}
	secure(w.Header())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(now) // who asked is gone
}

// config answers with the text of a pipeline's configuration.
func (p *Page) config(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	name := r.PathValue("pipeline")
	text, ok := "", false
	if p.Config != nil {
		text, ok = p.Config(name)
	}
	if !ok {
		http.Error(w, "there is no pipeline of that name", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // who asked is gone
}

// secure sets what every answer has: nothing is kept, framed, sniffed or told to other sites.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	}
}
