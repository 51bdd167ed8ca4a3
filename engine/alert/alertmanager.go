package alert

import (
	"encoding/json"
	"strings"
	"time"
)

// An Alertmanager takes an alert for resolved when its endsAt has passed. So it is posted again long before that, and one whose logpipe is no
// more ends by itself.
const (
	keepAlive = time.Minute
	validFor  = 4 * keepAlive
)

type postable struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// alertmanager is what is posted to /api/v2/alerts.
func alertmanager(from Origin, more map[string]string, alerts []alert, now time.Time) ([]byte, error) {
	all := []postable{}
	for _, a := range alerts {
		one := postable{Labels: a.labels(more, from.Instance), Annotations: a.annotations(), StartsAt: a.starts, EndsAt: now.Add(validFor), GeneratorURL: from.URL}
		if a.resolved() {
			one.EndsAt = a.ends
		}
		all = append(all, one)
	}
	return json.Marshal(all)
}

// alertsOf is the address of the API. The URL may be the Alertmanager's own, or that of the API already.
func alertsOf(base string) string {
	const path = "/api/v2/alerts"
	base = strings.TrimRight(base, "/")
	if strings.HasSuffix(base, path) {
		return base
	}
	return base + path
}
