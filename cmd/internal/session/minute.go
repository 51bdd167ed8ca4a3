package session

import (
	"context"
	"log/slog"
	"time"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/cmd/internal/progress"
	"github.com/logpipe/logpipe/engine/stats"
)

// addMinutes logs what each pipeline did, once a minute. A terminal has its status line instead.
func (s *session) addMinutes(group *run.Group) {
	ctx, stop := context.WithCancel(context.Background())
	group.Add(func() error {
		logMinutes(ctx, s.Log, &s.set)
		return nil
	}, func(error) { stop() })
}

// logMinutes writes a line for each pipeline that did something in the last minute, or has something unsettled.
func logMinutes(ctx context.Context, log *slog.Logger, set *stats.Set) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	before := map[*stats.Pipeline]progress.Tally{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := map[*stats.Pipeline]progress.Tally{} // those of pipelines that are no more are forgotten
		for _, p := range set.All() {
			now[p] = progress.TallyOf(p)
			logMinute(log, p, now[p].Since(before[p]))
		}
		before = now
	}
}

// logMinute writes one of these lines; t is what was done in the minute, and what is unsettled now.
func logMinute(log *slog.Logger, p *stats.Pipeline, t progress.Tally) {
	if t == (progress.Tally{}) {
		return
	}
	log.Info("the last minute", "pipeline", p.Name, "received", t.Received, "written", t.Written, "unsettled", t.Unsettled,
		"oldest", oldest(p).Round(time.Millisecond).String(), "retries", t.Retries, "fell_back", t.FellBack, "recovered", t.Recovered,
		"dead_letters", t.DeadLetters, "dropped", t.Dropped)
}

// oldest is the age of the oldest unsettled message; 0 when there is none.
func oldest(p *stats.Pipeline) (age time.Duration) {
	for _, in := range p.State().Inputs {
		if !in.Oldest.IsZero() {
			age = max(age, time.Since(in.Oldest))
		}
	}
	return age
}
