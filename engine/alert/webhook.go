package alert

import (
	"encoding/json"
	"maps"
	"strconv"
	"time"
)

// message is Alertmanager's webhook format, version 4.
type message struct {
	Receiver          string            `json:"receiver"`
	Status            string            `json:"status"`
	Alerts            []messageAlert    `json:"alerts"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   uint64            `json:"truncatedAlerts"`
}

type messageAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

const (
	statusFiring   = "firing"
	statusResolved = "resolved"
)

// webhook is what is posted about the alerts of a pipeline, of which there is one at least.
func webhook(from Origin, more map[string]string, pipeline string, alerts []alert) ([]byte, error) {
	m := message{
		Receiver: "logpipe", Status: statusResolved, Version: "4", ExternalURL: from.URL,
		GroupLabels: map[string]string{}, GroupKey: `{}:{}`,
	}
	if pipeline != "" {
		m.GroupLabels["pipeline"] = pipeline
		m.GroupKey = `{}:{pipeline=` + strconv.Quote(pipeline) + `}`
	}
	for _, a := range alerts {
		labels := a.labels(more, from.Instance)
		one := messageAlert{Status: statusFiring, Labels: labels, Annotations: a.annotations(), StartsAt: a.starts, EndsAt: a.ends,
			GeneratorURL: from.URL, Fingerprint: fingerprint(labels)}
		if a.resolved() {
			one.Status = statusResolved
		} else {
			m.Status = statusFiring
		}
		m.Alerts = append(m.Alerts, one)
		m.CommonLabels, m.CommonAnnotations = common(m.CommonLabels, one.Labels), common(m.CommonAnnotations, one.Annotations)
	}
	return json.Marshal(m)
}

// common is what both have; nil has everything.
func common(a, b map[string]string) map[string]string {
	if a == nil {
		return maps.Clone(b)
	}
	maps.DeleteFunc(a, func(name, value string) bool { return b[name] != value })
	return a
}
