package cmd

import (
	"context"
	"sync"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/engine/admin"
	"github.com/logpipe/logpipe/engine/config"
)

const adminUsage = "listen on `ADDR` for the status page, metrics and health, whatever the file says; \"\" is off"

// addAdmin adds the HTTP side, unless it is turned off. It does not end before it is interrupted, whatever befalls it.
func (s *session) addAdmin(group *run.Group) {
	if s.config.Admin.Listen == "" {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	server, shown := s.adminServer(s.config.Admin), s.page()
	shown.Register(server.Handle)
	group.Add(func() error {
		var beside sync.WaitGroup
		defer beside.Wait()
		beside.Go(func() { shown.Run(ctx) })
		return server.Run(ctx) // not before ctx ends
	}, func(error) { stop() })
}

// adminServer makes the HTTP side with all that it shows.
func (s *session) adminServer(c *config.Admin) *admin.Server {
	server := admin.New(admin.Options{
		Listen: c.Listen, Pprof: c.Pprof, Log: s.log, Set: &s.set, Version: currentVersion(), Started: s.started,
	})
	server.Handle("/api/config", config.Handler(s.running))
	return server
}

// overrideAdmin lets the flag win over the file.
func overrideAdmin(cfg *config.Config, listen string) error {
	cfg.Admin.Listen = listen
	if err := cfg.Admin.Validate(); err != nil {
		return usagef("--admin: %v", err)
	}
	return nil
}
