package page

import (
	"slices"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// passed is what moved over an arrow since the pipeline was made. Bytes are 0 where nobody counts them.
type passed struct {
	messages, bytes int64
}

func (f passed) plus(g passed) passed { return passed{f.messages + g.messages, f.bytes + g.bytes} }

// since is what moved after before. Rejected and dropped messages are counted a moment after they were received, so a difference
// of two sums may be below zero for that moment.
func (f passed) since(before passed) passed {
	return passed{max(0, f.messages-before.messages), max(0, f.bytes-before.bytes)}
}

// flows are those of each step, in the order of the steps: what leaves an input, and what comes over the arrow into any other.
// Messages are counted when they are received, sealed and stored; between these points it is known what was taken out.
func flows(p *stats.Pipeline, kinds []string) []passed {
	all := make([]passed, len(p.Steps))
	passing := received(p)
	sealed := false
	branched := slices.ContainsFunc(p.Steps, func(s *stats.Step) bool { return s.Branch != "" })
	for i, s := range p.Steps {
		switch s.Role {
		case engine.RoleInput:
			all[i] = passed{s.Received.Load(), s.ReceivedBytes.Load()}
			passing.messages -= s.Rejected.Load() + s.Dropped.Load()
		case engine.RoleProcessor:
			all[i] = passing
			if sealed && !branched || s.Branch != "" { // what a branch was given is counted when it is sealed
				all[i] = sealedFor(p, s.Branch)
			}
			sealed = sealed || kinds[i] == KindStage
			if gone := s.Rejected.Load() + s.Dropped.Load(); gone > 0 {
				passing = passed{messages: passing.messages - gone} // how large those were, nobody counted
			}
		case engine.RoleOutput:
			all[i] = passed{s.Stored.Load(), s.StoredBytes.Load()}
		case engine.RoleFallback:
			all[i] = passed{s.FellBack.Load(), s.FellBackBytes.Load()}
		case engine.RoleDeadLetter:
			all[i] = passed{messages: s.DeadLettered.Load()}
		}
	}
	return all
}

func received(p *stats.Pipeline) (sum passed) {
	for _, s := range p.InRole(engine.RoleInput) {
		sum = sum.plus(passed{s.Received.Load(), s.ReceivedBytes.Load()})
	}
	return sum
}

// sealedFor is what was sealed for the output of a branch; "" is that of a pipeline without any.
func sealedFor(p *stats.Pipeline, branch string) (sum passed) {
	for _, s := range p.InRole(engine.RoleOutput) {
		if s.Branch == branch {
			sum = sum.plus(passed{s.SealedMessages.Load(), s.SealedBytes.Load()})
		}
	}
	return sum
}

// recovered is what came home from the fallback.
func recovered(s *stats.Step) passed { return passed{s.Recovered.Load(), s.RecoveredBytes.Load()} }

// troubles counts writes that failed and connections that were lost.
func troubles(p *stats.Pipeline) (n int64) {
	for _, s := range p.Steps {
		n += s.Failed.Load() + s.Lost.Load()
	}
	return n
}

func unsettled(p *stats.Pipeline) (n int64) {
	for _, s := range p.Steps {
		n += max(0, s.Unsettled.Load()) // below zero for a moment, when a chunk settles while its connection is lost
	}
	return n
}

func deadLetters(p *stats.Pipeline) (n int64) {
	for _, s := range p.Steps {
		n += s.DeadLettered.Load()
	}
	return n
}
