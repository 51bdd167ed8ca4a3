// Package session is logpipe run: a group of actors around a fleet of pipelines, with signals, reloads, the watch on files, the HTTP side,
// alerts and the word to systemd. fleet.go has the pipelines, end.go how they came out.
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine/alert"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/stats"
)

// session is one run of pipelines.
type session struct {
	app     *cli.App
	screen  *console.Screen
	Log     *slog.Logger
	text    bool // the log is for people
	files   []string
	flags   runFlags
	Config  *config.Config // what was read last
	fleet   *fleet
	set     stats.Set // the pipelines that are present, for who looks from outside
	alerts  *alert.Engine
	Started time.Time
	notify  notifier

	reloads     chan struct{}          // one place: a reload that is asked for twice is one
	reconfigure []func(*config.Config) // told after each reload that came out well
	Slow        func(name string)      // tests: called in front of each build
}

// New is a session that has read nothing yet.
func New(a *cli.App) *session {
	return &session{app: a, screen: &console.Screen{W: a.Err}, fleet: newFleet(), notify: newNotifier(a.LookupEnv), reloads: make(chan struct{}, 1)}
}

// errAtOnce says that a second signal came.
var errAtOnce = errors.New("second signal")

// run is the process's group of actors: the supervisor of the pipelines, the signals, the HTTP side and the status line. The first that
// returns ends the others.
func (s *session) run(ctx context.Context) error {
	s.Started = time.Now()
	s.set.Started(s.Started)
	var group run.Group
	drain := s.addPipelines(&group, ctx)
	s.addSignals(&group, ctx, drain)
	s.addAdmin(&group)
	s.addAlerts(&group)
	s.addMemory(&group)
	if s.flags.watch {
		s.addWatch(&group)
	}
	s.addWatchdog(&group)
	if s.showsStatus() {
		s.addStatus(&group)
	} else {
		s.addMinutes(&group)
	}
	err := group.Run()
	return s.End(err)
}

// addPipelines adds the supervisor and returns what makes it drain. When the actor is interrupted the pipelines are left as they are: that
// happens only when the process shall end at once, and a plugin that hangs must not keep it.
func (s *session) addPipelines(group *run.Group, ctx context.Context) (drain func()) {
	moving, drain := context.WithCancel(context.WithoutCancel(ctx))
	s.Prepare()
	abandon := make(chan struct{})
	group.Add(func() error {
		ended := make(chan error, 1)
		go func() { ended <- s.Supervise(moving) }()
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

func (s *session) addSignals(group *run.Group, ctx context.Context, drain func()) {
	watching, stop := context.WithCancel(context.Background())
	signals, forget := cli.NotifySignals()
	hangups, forgetHangups := notifyHangup()
	group.Add(func() error {
		defer forget()
		defer forgetHangups()
		again := cli.WatchSignals(watching, ctx, s.hangups(watching, hangups, signals), func(got os.Signal) {
			s.notify.stopping("draining")
			s.Log.Info(s.drainText(), signalAttrs(got)...)
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
	for _, m := range s.fleet.members() {
		most = max(most, m.config.DrainTimeout)
	}
	how := "a second signal ends it at once"
	if s.app.ErrTerminal {
		how = "press Ctrl-C again to end at once"
	}
	return fmt.Sprintf("draining, at most %s; %s", config.DurationText(most), how)
}
