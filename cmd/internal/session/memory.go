package session

import (
	"context"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/cmd/internal/memory"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// addMemory fits the limit of the process's memory to the pipelines, and watches it.
func (s *session) addMemory(group *run.Group) {
	s.app.Memory.Fit(needOf(s.Config), s.Log)
	ctx, stop := context.WithCancel(context.Background())
	group.Add(func() error {
		s.app.Memory.Watch(ctx, s.Log)
		<-ctx.Done() // also where nothing is watched: the first actor that returns ends the others
		return nil
	}, func(error) { stop() })
}

// needOf is what all pipelines of a configuration may take together.
func needOf(c *config.Config) (n memory.Need) {
	for _, p := range c.Pipelines {
		n.InFlight += p.InFlight()
		for _, b := range p.Blocks {
			if b.Role == engine.RoleOutput {
				n.Workers += b.Workers
			}
		}
	}
	return n
}
