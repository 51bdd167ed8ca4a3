package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/progress"
	"github.com/logpipe/logpipe/engine/flow"
)

// showsStatus reports whether there is a place for a status line: a terminal with a log for people, and no messages that go to the
// same terminal.
func (s *session) showsStatus() bool {
	return s.text && s.app.Terminal() && !(s.app.OutTerminal && s.writesStdout())
}

func (s *session) writesStdout() bool {
	for _, p := range s.Config.Pipelines {
		for _, b := range p.Blocks {
			if b.Type == "stdout" {
				return true
			}
		}
	}
	return false
}

func (s *session) addStatus(group *run.Group) {
	ctx, stop := context.WithCancel(context.Background())
	group.Add(func() error {
		progress.ShowStatus(ctx, s.screen, s.app.Columns, s.total)
		return nil
	}, func(error) { stop() })
}

// total is what all pipelines did so far.
func (s *session) total() progress.Tally {
	var sum progress.Tally
	for _, r := range s.fleet.retired() {
		r.Unsettled = 0 // their source has it again
		sum.Add(r.Tally)
	}
	for _, m := range s.fleet.members() {
		sum.Add(progress.TallyOf(m.Pipeline))
	}
	return sum
}

// End says how the pipelines came out. Its error is an exit code.
func (s *session) End(err error) error {
	var results []progress.Result
	for _, m := range s.fleet.members() {
		results = append(results, s.resultOf(m))
	}
	if errors.Is(err, errAtOnce) {
		s.Log.Error("ended at once; what is unsettled will be delivered again by its source", "unsettled", s.total().Unsettled)
	} else {
		s.settled(results, err)
	}
	s.summary(s.withPast(results))
	if err != nil {
		return cli.Exit(cli.ExitRuntime)
	}
	return nil
}

// resultOf is what a member did until now.
func (s *session) resultOf(m *member) progress.Result {
	took := time.Duration(m.ended.Load())
	if took == 0 { // it is left as it is
		took = time.Since(s.Started)
	}
	return progress.Result{Pipeline: m.Name, Took: took, Tally: progress.TallyOf(m.Pipeline)}
}

// withPast adds what pipelines did before a reload ended them: the summary is that of the process. What they left unsettled was said then,
// and is their source's again.
func (s *session) withPast(results []progress.Result) []progress.Result {
	for _, past := range s.fleet.retired() {
		past.Unsettled = 0
		i := slices.IndexFunc(results, func(r progress.Result) bool { return r.Pipeline == past.Pipeline })
		if i < 0 {
			results = append(results, past)
			continue
		}
		results[i].Add(past.Tally)
		results[i].Took += past.Took
	}
	return results
}

// settled logs the pipelines that left something, and takes over what the engine counted, which is exact.
func (s *session) settled(results []progress.Result, err error) {
	left, broken := map[string]int64{}, false
	for _, err := range split(err) {
		var l *flow.LeftError
		if !errors.As(err, &l) {
			broken = true
			s.Log.Error("pipeline failed", "error", err)
			continue
		}
		left[l.Pipeline] = l.Messages
		text := "pipeline ended before it was done"
		if l.Messages > 0 {
			text = "pipeline ended with messages unsettled; their source will deliver them again"
		}
		log := s.Log.With("pipeline", l.Pipeline, "messages", l.Messages)
		if l.Err != nil {
			log = log.With("error", l.Err)
		}
		log.Error(text)
	}
	for i := range results {
		if n, ok := left[results[i].Pipeline]; ok || !broken {
			results[i].Unsettled = n
		}
	}
}

// split takes apart what errors.Join put together.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, split(e)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func (s *session) summary(results []progress.Result) {
	if s.text && s.app.ErrTerminal && len(results) > 0 {
		progress.WriteSummary(s.screen, results)
		return
	}
	for _, r := range results {
		progress.LogSummary(s.Log, r)
	}
}
