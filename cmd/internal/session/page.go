package session

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/admin/page"
	"github.com/logpipe/logpipe/engine/config"
)

// page makes the status page of the pipelines that run.
func (s *session) page() *page.Page {
	return page.New(page.Options{
		Set: &s.set, Version: s.app.Version, Go: runtime.Version(), Started: s.Started,
		About: func(pipeline, step string) page.About {
			if p := s.pipeline(pipeline); p != nil {
				return aboutStep(p, step)
			}
			return page.About{}
		},
		Config: func(pipeline string) (string, bool) {
			if p := s.pipeline(pipeline); p != nil {
				return p.Effective(), true
			}
			return "", false
		},
	})
}

// pipeline is the one of this name, nil when there is none.
func (s *session) pipeline(name string) *config.Pipeline {
	for _, m := range s.fleet.members() {
		if m.config.Name == name {
			return m.config
		}
	}
	return nil
}

func aboutStep(p *config.Pipeline, step string) page.About {
	if step == engine.ForkStep {
		asks := func(b config.Branch) bool { return !b.When.IsZero() }
		return page.About{Kind: page.KindTransform, Text: fmt.Sprintf("%d ways", len(p.Branches)), Rejects: slices.ContainsFunc(p.Branches, asks)}
	}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if b.Name != step {
			continue
		}
		kind := page.KindTransform
		switch {
		case b.Plugin().IsStage():
			kind = page.KindStage
		case b.Plugin().IsPolicy():
			kind = page.KindPolicy
		}
		return page.About{Kind: kind, Text: b.About(), Rejects: b.Traits().Rejects}
	}
	return page.About{}
}
