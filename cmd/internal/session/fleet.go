package session

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/progress"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
)

// member is a pipeline of the fleet, with its counters and what it was made from.
type member struct {
	*stats.Pipeline
	config    *config.Pipeline
	evaluated config.Evaluated
	ended     atomic.Int64 // nanoseconds after the session's start; 0 while it runs
	drain     context.CancelFunc
	done      chan struct{} // closed when it has ended
	err       error         // what it ended with; read it after done
}

// fleet is the pipelines that the process runs, by name. One goroutine, supervise, starts and ends them; others look.
type fleet struct {
	salt []byte // of the marks of secrets; one a process

	mu      sync.Mutex
	present []*member         // in the order of the files; also those that have ended by themselves
	past    []progress.Result // of those that a reload ended, one a name
}

func newFleet() *fleet {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	return &fleet{salt: salt}
}

func (f *fleet) members() []*member {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.present)
}

// evaluated is the configuration that runs.
func (f *fleet) evaluated() (all []config.Evaluated) {
	for _, m := range f.members() {
		all = append(all, m.evaluated)
	}
	return all
}

// running is the answer to those who ask from outside.
func (s *session) running() config.Running {
	return config.Running{Salt: s.fleet.salt, Pipelines: s.fleet.evaluated()}
}

// retire takes over what an ended member counted.
func (f *fleet) retire(r progress.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.past {
		if f.past[i].Pipeline == r.Pipeline {
			f.past[i].Add(r.Tally)
			f.past[i].Took += r.Took
			return
		}
	}
	f.past = append(f.past, r)
}

func (f *fleet) retired() []progress.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.past)
}

// present makes these the members, for all who look.
func (s *session) present(all []*member) {
	s.fleet.mu.Lock()
	s.fleet.present = all
	s.fleet.mu.Unlock()
	var counts []*stats.Pipeline
	for _, m := range all {
		counts = append(counts, m.Pipeline)
	}
	s.set.Replace(counts)
}

// member makes a pipeline of the configuration ready to start.
func (s *session) member(p *config.Pipeline, evaluated config.Evaluated) *member {
	return &member{Pipeline: stats.NewPipeline(p.Name, p.Places()), config: p, evaluated: evaluated, done: make(chan struct{})}
}

// start runs the member until it ends, or ctx does, or it is told to drain.
func (s *session) start(ctx context.Context, m *member) {
	ctx, m.drain = context.WithCancel(ctx)
	from := time.Since(s.Started)
	spec := flow.Spec{Name: m.Name, Log: s.Log, Observer: m.Pipeline, Build: func() (*flow.Pipeline, error) {
		if s.Slow != nil {
			s.Slow(m.Name)
		}
		built, err := m.config.Build(config.BuildEnv{Log: s.Log, Observer: m.Pipeline})
		if err == nil {
			m.Runs(built)
		}
		return built, err
	}}
	go func() {
		m.err = flow.Supervise(ctx, []flow.Spec{spec})
		m.drain()
		m.ended.Store(int64(time.Since(s.Started) - from))
		close(m.done)
	}()
}

// Prepare makes members of the configuration, before anybody looks for them.
func (s *session) Prepare() {
	var all []*member
	for _, p := range s.Config.Pipelines {
		all = append(all, s.member(p, p.Evaluate(s.fleet.salt)))
	}
	s.present(all)
}

// Supervise runs the pipelines beside each other, and reloads when it is asked to, until all have ended.
func (s *session) Supervise(ctx context.Context) error {
	all := s.fleet.members()
	for _, m := range all {
		s.start(ctx, m)
	}
	s.notify.ready(cli.Count(len(all), "pipeline"))
	for {
		done, forget := s.fleet.ended()
		select {
		case <-done:
			return leftOf(s.fleet.members())
		case <-s.reloads:
			forget()
			s.reload(ctx)
		}
	}
}

// ended is closed when all members that are present now have ended; forget ends the wait.
func (f *fleet) ended() (done <-chan struct{}, forget func()) {
	all, stop := make(chan struct{}), make(chan struct{})
	members := f.members()
	go func() {
		for _, m := range members {
			select {
			case <-m.done:
			case <-stop:
				return
			}
		}
		close(all)
	}()
	return all, func() { close(stop) }
}

func leftOf(members []*member) error {
	var errs []error
	for _, m := range members {
		errs = append(errs, m.err)
	}
	return errors.Join(errs...)
}
