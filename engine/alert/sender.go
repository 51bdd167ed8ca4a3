package alert

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
)

// sender posts alerts to one receiver. What is to be sent is kept by alert and not as a queue of messages: however long a receiver is away,
// there is one entry for each alert, and it gets the newest state of each.
type sender struct {
	log  *slog.Logger
	from Origin
	wake chan struct{} // of one

	mu     sync.Mutex
	config Config
	alerts map[key]*alert  // that fire, and resolved ones that were not sent yet
	due    map[string]bool // groups with something to send
	down   bool            // the last post failed, and the log has said so
}

func newSender(c Config, from Origin, log *slog.Logger) *sender {
	return &sender{log: log, from: from, wake: make(chan struct{}, 1), config: c, alerts: map[key]*alert{}, due: map[string]bool{}}
}

// group is what is posted together: to a webhook the alerts of a pipeline; an Alertmanager groups by itself.
func (c *Config) group(pipeline string) string {
	if c.Kind == Alertmanager {
		return ""
	}
	return pipeline
}

// add takes news. It never blocks.
func (s *sender) add(all []news) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range all {
		if n.change == resolves && !s.config.SendResolved {
			delete(s.alerts, n.alert.key)
			continue
		}
		s.alerts[n.alert.key] = &n.alert
		s.due[s.config.group(n.alert.pipeline)] = true
	}
	if len(s.due) > 0 {
		poke(s.wake)
	}
}

// refresh makes all that fires due.
func (s *sender) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.alerts {
		s.due[s.config.group(k.pipeline)] = true
	}
}

// run sends until ctx ends. A post under way then is ended too.
func (s *sender) run(ctx context.Context) {
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-alive.C:
			if s.settings().Kind == Alertmanager {
				s.refresh()
			}
		case <-s.wake:
		}
		s.send(ctx)
	}
}

// send posts everything that is due, and tries again until ctx ends.
func (s *sender) send(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		group, sent, ok := s.next()
		if !ok {
			return
		}
		c := s.settings()
		err := s.post(ctx, c, group, sent)
		if errors.As(err, new(refused)) {
			s.done(sent)
			s.fails(c, "alerts are refused; they are sent again when there is news, and logs flow on", err)
			continue
		}
		if err == nil {
			s.done(sent)
			s.well(c)
			pause = firstPause
			continue
		}
		if ctx.Err() != nil {
			s.again(group)
			return
		}
		s.again(group)
		s.fails(c, "alerts cannot be sent; they are tried again, and logs flow on", err)
		_ = sleep.For(ctx, pause) // the loop asks ctx
		pause = min(2*pause, mostPause)
	}
}

func (s *sender) post(ctx context.Context, c Config, group string, alerts []alert) error {
	to := c.URL.Reveal()
	var body []byte
	var err error
	switch format := c.format(); {
	case c.Kind == Alertmanager:
		to = alertsOf(to)
		body, err = alertmanager(s.from, c.Labels, alerts, time.Now())
	case format == FormatSlack:
		body, err = slack(s.from, c.Labels, alerts)
	case format == FormatTeams:
		body, err = teams(s.from, c.Labels, alerts)
	default:
		body, err = webhook(s.from, c.Labels, group, alerts)
	}
	if err != nil {
		return refused{err}
	}
	return c.post(ctx, to, body)
}

// next takes a group that is due, with its alerts.
func (s *sender) next() (group string, alerts []alert, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for group := range s.due {
		delete(s.due, group)
		for _, a := range s.alerts {
			if s.config.group(a.pipeline) == group {
				alerts = append(alerts, *a)
			}
		}
		if len(alerts) > 0 {
			slices.SortFunc(alerts, func(a, b alert) int { return compareKeys(a.key, b.key) })
			return group, alerts, true
		}
	}
	return "", nil, false
}

// done forgets the resolved alerts that were sent, but for those that fire again since.
func (s *sender) done(sent []alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range sent {
		if now := s.alerts[a.key]; now != nil && a.resolved() && now.ends.Equal(a.ends) {
			delete(s.alerts, a.key)
		}
	}
}

func (s *sender) again(group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due[group] = true
}

func (s *sender) settings() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// fails writes one line, until a post is taken again.
func (s *sender) fails(c Config, text string, err error) {
	s.mu.Lock()
	first := !s.down
	s.down = true
	s.mu.Unlock()
	if first {
		s.log.Warn(text, "receiver", c.Kind, "error", err)
	}
}

func (s *sender) well(c Config) {
	s.mu.Lock()
	was := s.down
	s.down = false
	s.mu.Unlock()
	if was {
		s.log.Info("alerts are sent again", "receiver", c.Kind)
	}
}

// unsent are the alerts that nobody was told of.
func (s *sender) unsent() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.alerts {
		if s.due[s.config.group(a.pipeline)] {
			names = append(names, a.name+" of "+a.pipeline)
		}
	}
	slices.Sort(names)
	return names
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
