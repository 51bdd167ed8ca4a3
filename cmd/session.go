package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/alert"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/stats"
)

// session is one run of pipelines.
type session struct {
	app      *app
	screen   *screen
	log      *slog.Logger
	text     bool // the log is for people
	config   *config.Config
	counters []*counted // one a pipeline
	set      stats.Set  // the same, for who looks from outside
	alerts   *alert.Engine
	started  time.Time
}

// counted is what a pipeline of this session did.
type counted struct {
	*stats.Pipeline
	ended atomic.Int64 // nanoseconds after the start; 0 while it runs
}

// errAtOnce says that a second signal came.
var errAtOnce = errors.New("second signal")

// run is the process's group of actors: the supervisor of the pipelines, the signals, the HTTP side and the status line. The first that
// returns ends the others.
func (s *session) run(ctx context.Context) error {
	s.started = time.Now()
	var group run.Group
	drain := s.addPipelines(&group, ctx)
	s.addSignals(&group, ctx, drain)
	s.addAdmin(&group)
	s.addAlerts(&group)
	if s.showsStatus() {
		s.addStatus(&group)
	} else {
		s.addMinutes(&group)
	}
	err := group.Run()
	return s.end(err)
}

// addPipelines adds the supervisor and returns what makes it drain. When the actor is interrupted the pipelines are left as they are: that
// happens only when the process shall end at once, and a plugin that hangs must not keep it.
func (s *session) addPipelines(group *run.Group, ctx context.Context) (drain func()) {
	moving, drain := context.WithCancel(context.WithoutCancel(ctx))
	specs := s.specs()
	abandon := make(chan struct{})
	group.Add(func() error {
		ended := make(chan error, 1)
		go func() { ended <- s.supervise(moving, specs) }()
		select {
		case err := <-ended:
			return err
		case <-abandon:
			return nil
		}
	}, func(error) {
		close(abandon)
		drain()
	})
	return drain
}

// supervise runs the pipelines beside each other and notes when each of them ends.
func (s *session) supervise(ctx context.Context, specs []engine.Spec) error {
	var all sync.WaitGroup
	errs := make([]error, len(specs))
	for i := range specs {
		all.Go(func() {
			errs[i] = engine.Supervise(ctx, specs[i:i+1])
			s.counters[i].ended.Store(int64(time.Since(s.started)))
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (s *session) specs() []engine.Spec {
	var specs []engine.Spec
	var all []*stats.Pipeline
	for _, p := range s.config.Pipelines {
		counts := stats.NewPipeline(p.Name, p.Places())
		all = append(all, counts)
		s.counters = append(s.counters, &counted{Pipeline: counts})
		specs = append(specs, engine.Spec{
			Name: p.Name, Log: s.log, Observer: counts,
			Build: func() (*engine.Pipeline, error) {
				built, err := p.Build(config.BuildEnv{Log: s.log, Observer: counts})
				if err == nil {
					counts.Runs(built)
				}
				return built, err
			},
		})
	}
	s.set.Replace(all)
	return specs
}

func (s *session) addSignals(group *run.Group, ctx context.Context, drain func()) {
	watching, stop := context.WithCancel(context.Background())
	signals, forget := notifySignals()
	group.Add(func() error {
		defer forget()
		again := watchSignals(watching, ctx, signals, func(got os.Signal) {
			s.log.Info(s.drainText(), signalAttrs(got)...)
			drain()
		})
		if again {
			return errAtOnce
		}
		return nil
	}, func(error) { stop() })
}

func signalAttrs(got os.Signal) []any {
	if got == nil {
		return nil
	}
	return []any{"signal", got.String()}
}

// drainText says how long the end may take and how to have it sooner.
func (s *session) drainText() string {
	most := time.Duration(0)
	for _, p := range s.config.Pipelines {
		most = max(most, p.DrainTimeout)
	}
	how := "a second signal ends it at once"
	if s.app.ErrTerminal {
		how = "press Ctrl-C again to end at once"
	}
	return fmt.Sprintf("draining, at most %s; %s", config.DurationText(most), how)
}
