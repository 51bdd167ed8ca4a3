package alert

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine/stats"
)

// Origin is who sends the alerts.
type Origin struct {
	Instance string // the label instance, such as the name of the host; may be empty
	URL      string // of the status page; may be empty
}

// Engine watches pipelines and tells its receivers. It is made by New.
type Engine struct {
	set   *stats.Set
	from  Origin
	log   *slog.Logger
	every time.Duration

	mu        sync.Mutex
	receivers []*receiver
	said      map[key]int // how many receivers have an alert that the log has told
	running   context.Context
	posting   sync.WaitGroup
}

// receiver is one of those that are told.
type receiver struct {
	watch  *watch
	sender *sender // nil: log lines alone
	stop   context.CancelFunc
	gone   atomic.Bool // it is no receiver any more, and gets what it has of the end of its alerts
}

// How often the rules are asked, and how long what is left may take to be sent when the process ends.
const (
	every = 2 * time.Second
	grace = 3 * time.Second
)

// New makes an engine without receivers.
func New(set *stats.Set, from Origin, log *slog.Logger) *Engine {
	return &Engine{set: set, from: from, log: log, every: every, said: map[key]int{}}
}

// Set makes these the receivers, also while the engine runs. One that stays, by its kind and URL, keeps its alerts.
func (e *Engine) Set(configs []Config) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.receivers
	e.receivers = nil
	for _, c := range configs {
		i := slices.IndexFunc(old, func(r *receiver) bool { return r.watch.Kind == c.Kind && r.watch.URL == c.URL })
		if i < 0 {
			r := &receiver{watch: newWatch(c)}
			if c.URL.Reveal() != "" {
				r.sender = newSender(c, e.from, e.log)
			}
			e.receivers = append(e.receivers, r)
			e.start(r)
			continue
		}
		r := old[i]
		old = slices.Delete(slices.Clone(old), i, i+1)
		r.watch.Config = c
		if r.sender != nil {
			r.sender.mu.Lock()
			r.sender.config = c
			r.sender.mu.Unlock()
		}
		e.receivers = append(e.receivers, r)
	}
	for _, r := range old {
		e.retire(r)
	}
}

// retire lets go of a receiver. What fires is over for it: nobody would ever tell it so again.
func (e *Engine) retire(r *receiver) {
	var over []news
	for _, a := range r.watch.firing() {
		e.forget(a.key)
		a.ends = time.Now()
		over = append(over, news{resolves, a})
	}
	if r.stop == nil {
		return
	}
	r.sender.add(over)
	r.gone.Store(true)
	r.stop()
}

// start begins to send, when the engine runs.
func (e *Engine) start(r *receiver) {
	if e.running == nil || r.sender == nil {
		return
	}
	ctx, stop := context.WithCancel(e.running)
	r.stop = stop
	e.posting.Go(func() {
		r.sender.run(ctx)
		if r.gone.Load() {
			last, stop := context.WithTimeout(context.Background(), grace)
			defer stop()
			r.sender.send(last)
		}
	})
}

// Run watches until ctx ends. Then it looks once more, because the last messages may have been dead letters, sends what is left for a few
// seconds, and says what was not sent. When atOnce is closed it does none of that.
func (e *Engine) Run(ctx context.Context, atOnce <-chan struct{}) {
	sending, stop := context.WithCancel(context.Background())
	defer stop()
	e.mu.Lock()
	e.running = sending
	for _, r := range e.receivers {
		e.start(r)
	}
	e.mu.Unlock()
	ticker := time.NewTicker(e.every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			e.tick(false)
		}
	}
	stop()
	e.posting.Wait()
	select {
	case <-atOnce:
		return
	default:
	}
	e.tick(true)
	e.flush(atOnce)
}

// tick asks the rules of all receivers. The log tells an alert once, however many receivers have it.
func (e *Engine) tick(last bool) {
	pipelines, reloads, now := e.set.All(), e.set.Reloads(), time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.receivers {
		all := r.watch.tick(pipelines, reloads, now, last)
		for _, n := range all {
			if e.tells(r, n) {
				n.say(e.log)
			}
		}
		if r.sender != nil {
			r.sender.add(all)
		}
	}
}

// tells reports whether the log is told: by the first receiver that fires or repeats, and by the last that resolves.
func (e *Engine) tells(by *receiver, n news) bool {
	k := n.alert.key
	switch n.change {
	case fires:
		e.said[k]++
		return e.said[k] == 1
	case resolves:
		return e.forget(k)
	}
	i := slices.IndexFunc(e.receivers, func(r *receiver) bool { s := r.watch.states[k]; return s != nil && s.alert != nil })
	return i >= 0 && e.receivers[i] == by
}

func (e *Engine) forget(k key) (none bool) {
	if e.said[k]--; e.said[k] <= 0 {
		delete(e.said, k)
		return true
	}
	return false
}

// flush sends what is left.
func (e *Engine) flush(atOnce <-chan struct{}) {
	ctx, stop := context.WithTimeout(context.Background(), grace)
	defer stop()
	go func() {
		select {
		case <-atOnce:
			stop()
		case <-ctx.Done():
		}
	}()
	e.mu.Lock()
	defer e.mu.Unlock()
	var all sync.WaitGroup
	for _, r := range e.receivers {
		if r.sender != nil {
			all.Go(func() { r.sender.send(ctx) })
		}
	}
	all.Wait()
	for _, r := range e.receivers {
		if r.sender == nil {
			continue
		}
		if left := r.sender.unsent(); len(left) > 0 {
			e.log.Error("alerts were not sent; the receiver took none in time, and the process ends", "receiver", r.watch.Kind, "alerts", strings.Join(left, ", "))
		}
	}
}
