package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/memory"
	"github.com/logpipe/logpipe/cmd/internal/progress"
	"github.com/logpipe/logpipe/engine/config"
)

// askReload asks for a reload. One that is asked for while another runs comes after it; more than one is one.
func (s *session) askReload() {
	select {
	case s.reloads <- struct{}{}:
	default:
	}
}

// reload reads the configuration again and brings the pipelines to it. Nothing changes when there is an error in it.
func (s *session) reload(ctx context.Context) {
	s.notify.reloading()
	next, err := s.read()
	if err != nil {
		s.set.Reloaded(err)
		s.notify.ready(fmt.Sprintf("reload refused: %v; all goes on as before %s", err, time.Now().Format(time.TimeOnly)))
		s.Log.Error("reload refused; all goes on as before", "error", err)
		return
	}
	var evaluated []config.Evaluated
	for _, p := range next.Pipelines {
		evaluated = append(evaluated, p.Evaluate(s.fleet.salt))
	}
	plan := config.Compare(s.fleet.evaluated(), evaluated)
	s.Log.Info("reloading", planAttrs(plan)...)
	now, then := needOf(s.Config), needOf(next)
	s.app.Memory.Fit(memory.Need{InFlight: max(now.InFlight, then.InFlight), Workers: max(now.Workers, then.Workers)}, s.Log)
	whole := s.replace(ctx, next, evaluated, plan)
	s.app.Memory.Fit(then, s.Log)
	if ctx.Err() != nil {
		s.Log.Info("reload given up: the process ends")
		return
	}
	s.Config = next
	s.set.Reloaded(nil)
	for _, tell := range s.reconfigure {
		tell(next)
	}
	s.notify.ready(cli.Count(len(next.Pipelines), "pipeline"))
	if whole {
		s.Log.Info("reloaded")
	} else {
		s.Log.Warn("reloaded; a drain ran out of time, and what it left is delivered again by its source")
	}
}

// read reads what the process was started with, once more.
func (s *session) read() (*config.Config, error) {
	for _, path := range slices.Concat(s.files, s.flags.envFiles) {
		if cli.IsOnceOnly(path) {
			return nil, fmt.Errorf("%s cannot be read a second time; start logpipe with a file", cli.OnceOnlyName(path))
		}
	}
	lookup, err := s.app.Variables(s.flags.envFiles)
	if err != nil {
		return nil, err
	}
	cfg, found := s.app.Read(s.files, config.Options{LookupEnv: lookup})
	s.say(found)
	if found.HasErrors() {
		return nil, refusal(found)
	}
	if s.flags.adminSet {
		err = overrideAdmin(cfg, s.flags.admin)
	}
	return cfg, err
}

// refusal says in one line why a configuration cannot be used: what is wrong first, and where.
func refusal(found *config.Diagnostics) error {
	all := found.All()
	first := all[slices.IndexFunc(all, func(d config.Diagnostic) bool { return d.Severity != config.SeverityWarning })]
	text := first.Summary
	if first.Range != nil {
		text += " (" + first.Range.String() + ")"
	}
	if more := found.Errors() - 1; more > 0 {
		text += ", and " + cli.Count(more, "more mistake")
	}
	return errors.New(text)
}

// say logs diagnostics, all of them.
func (s *session) say(found *config.Diagnostics) {
	if s.text {
		found.WriteText(s.screen, s.app.Color(), s.app.Columns())
		return
	}
	for _, d := range found.All() {
		attrs := []any{}
		if d.Range != nil {
			attrs = append(attrs, "at", d.Range.String(), "file", d.Range.Filename, "line", d.Range.Start.Line)
		}
		attrs = append(attrs, "detail", d.Detail)
		if d.Severity == config.SeverityWarning {
			s.Log.Warn(d.Summary, attrs...)
			continue
		}
		s.Log.Error("mistake in the configuration", append([]any{"error", d.Summary}, attrs...)...)
	}
}

func planAttrs(p config.Plan) []any {
	restarts := []string{}
	for _, r := range p.Restarts {
		restarts = append(restarts, r.Name)
	}
	return []any{"restarts", restarts, "starts", p.Starts, "stops", p.Stops, "stays", p.Stays}
}

// replace drains what ends and starts what takes its place. All that ends has ended before anything starts: two of them may share a queue or
// a file, and a name may have moved from one to the other. It reports whether every drain was in time.
func (s *session) replace(ctx context.Context, next *config.Config, evaluated []config.Evaluated, plan config.Plan) (whole bool) {
	var ending []*member
	stays := map[string]*member{}
	for _, m := range s.fleet.members() {
		if slices.Contains(plan.Stays, m.Name) {
			stays[m.Name] = m
			continue
		}
		ending = append(ending, m)
		m.drain()
	}
	for _, m := range ending {
		<-m.done
	}
	if ctx.Err() != nil { // the end of the process takes what they left
		return true
	}
	whole = true
	for _, m := range ending {
		whole = s.retire(m) && whole
	}
	var all, starting []*member
	for i, p := range next.Pipelines {
		m := stays[p.Name]
		if m == nil {
			m = s.member(p, evaluated[i])
			starting = append(starting, m)
		}
		all = append(all, m)
	}
	s.present(all)
	for _, m := range starting {
		s.start(ctx, m)
	}
	return whole
}

// retire takes over the counts of a member that a reload ended, and reports whether it left nothing.
func (s *session) retire(m *member) bool {
	results := []progress.Result{s.resultOf(m)}
	s.settled(results, m.err)
	s.fleet.retire(results[0])
	return m.err == nil
}
