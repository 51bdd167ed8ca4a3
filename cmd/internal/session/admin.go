package session

import (
	"context"
	"sync"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/admin"
	"github.com/logpipe/logpipe/engine/admin/page"
	"github.com/logpipe/logpipe/engine/config"
)

const adminUsage = "listen on `ADDR` for the status page, metrics and health, whatever the file says; \"\" is off"

// addAdmin adds the HTTP side. It does not end before it is interrupted, whatever befalls it, and is there also when it is turned off: a reload
// may turn it on, or move it.
func (s *session) addAdmin(group *run.Group) {
	ctx, stop := context.WithCancel(context.Background())
	first, changes := *s.Config.Admin, make(chan config.Admin, 1)
	s.reconfigure = append(s.reconfigure, func(c *config.Config) {
		select {
		case <-changes: // of a reload before, which nobody has taken yet
		default:
		}
		changes <- *c.Admin
	})
	shown := s.page()
	group.Add(func() error {
		var beside sync.WaitGroup
		defer beside.Wait()
		beside.Go(func() { shown.Run(ctx) })
		s.serveAdmin(ctx, first, changes, shown)
		return nil
	}, func(error) { stop() })
}

// serveAdmin keeps a server as the latest admin block says until ctx ends. One that stays the same is left alone.
func (s *session) serveAdmin(ctx context.Context, now config.Admin, changes <-chan config.Admin, shown *page.Page) {
	for ctx.Err() == nil {
		serving, end := context.WithCancel(ctx)
		var one sync.WaitGroup
		if now.Listen != "" {
			server := s.adminServer(&now)
			shown.Register(server.Handle)
			one.Go(func() { _ = server.Run(serving) }) // it says itself what befalls it
		}
		for same := true; same; {
			select {
			case next := <-changes:
				same = next.Listen == now.Listen && next.Pprof == now.Pprof
				now = next
			case <-ctx.Done():
				same = false
			}
		}
		end()
		one.Wait()
	}
}

// adminServer makes the HTTP side with all that it shows.
func (s *session) adminServer(c *config.Admin) *admin.Server {
	server := admin.New(admin.Options{
		Listen: c.Listen, Pprof: c.Pprof, Log: s.Log, Set: &s.set, Version: s.app.Version, Started: s.Started,
	})
	server.Handle("/api/config", admin.LocalOnly(config.Handler(s.running))) // its marks would let others try guesses of a weak secret
	return server
}

// overrideAdmin lets the flag win over the file.
func overrideAdmin(cfg *config.Config, listen string) error {
	cfg.Admin.Listen = listen
	if err := cfg.Admin.Validate(); err != nil {
		return cli.Usagef("--admin: %v", err)
	}
	return nil
}
