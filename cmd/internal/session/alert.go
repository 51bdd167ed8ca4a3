package session

import (
	"context"
	"errors"
	"os"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/engine/alert"
	"github.com/logpipe/logpipe/engine/config"
)

// addAlerts watches the pipelines for the alert blocks. It is there without any, because a reload may bring some.
func (s *session) addAlerts(group *run.Group) {
	instance, _ := os.Hostname() // without it the label is missing
	s.alerts = alert.New(&s.set, alert.Origin{Instance: instance, URL: statusPage(s.Config.Admin)}, s.Log)
	s.alerts.Set(alertConfigs(s.Config))
	s.reconfigure = append(s.reconfigure, func(c *config.Config) { s.alerts.Set(alertConfigs(c)) })
	ctx, stop := context.WithCancel(context.Background())
	atOnce := make(chan struct{})
	group.Add(func() error {
		s.alerts.Run(ctx, atOnce)
		return nil
	}, func(err error) {
		if errors.Is(err, errAtOnce) {
			close(atOnce)
		}
		stop()
	})
}

// statusPage is the address that an alert leads to.
func statusPage(a *config.Admin) string {
	if a == nil || a.Listen == "" {
		return ""
	}
	return "http://" + a.Listen + "/"
}

func alertConfigs(c *config.Config) (all []alert.Config) {
	for _, a := range c.Alerts {
		all = append(all, alert.Config{
			Kind: a.Type, URL: a.URL, Format: a.Format, BearerToken: a.BearerToken, Timeout: a.Timeout, Pipelines: a.Pipelines, Labels: a.Labels,
			SendResolved: a.SendResolved, Repeat: a.Repeat, ResolveAfter: a.ResolveAfter,
			DeadLetters: a.DeadLetters, SuccessRate: a.SuccessRate, Window: a.Window, LeastWrites: a.LeastWrites,
			UnsettledAge: a.UnsettledAge, Outage: a.Outage, BacklogMessages: a.BacklogMessages, ReloadRefused: a.ReloadRefused,
		})
	}
	return all
}
