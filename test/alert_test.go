package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/logpipe/logpipe/test/world"
)

// called is a receiver of webhooks, which keeps the last status of each alert.
type called struct {
	*httptest.Server
	mu   sync.Mutex
	last map[string]string // by name and plugin
}

func newCalled(t *testing.T) *called {
	c := &called{last: map[string]string{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, a := range m.Alerts {
			c.last[a.Labels["alertname"]+" "+a.Labels["plugin"]] = a.Status
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *called) is(alert, status string) func() bool {
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.last[alert] == status
	}
}

// Somebody is called for a dead letter and for an outage of S3, and is told when each is over. When the receiver is away, the logs flow on
// and the process ends in time: an alert must never cost a log.
func TestAlerts(t *testing.T) {
	w := world.New(t)
	s3 := w.OwnS3()
	c := newCalled(t)
	alerts := w.Config(fmt.Sprintf("alert \"webhook\" {\n  url = \"%s/hunter2\"\n  outage = \"1s\"\n  resolve_after = \"1s\"\n  repeat = \"2s\"\n}\n", c.URL))
	p := w.Start(w.Env("RETRY_LIMIT=1", "BATCH_SIZE=10"), "pipeline.hcl", alerts)
	w.Says(p, "input is open")

	w.Produce(20, "INVALID_EVERY=20")
	const dead, outage = "LogpipeDeadLetters dead_letter.amqp", "LogpipeOutage output.s3"
	w.Until("the dead letter calls", c.is(dead, "firing"))
	w.Until("it is there", func() bool { return w.Depth("log_dlq") == 1 })
	if _, err := w.Channel().QueuePurge("log_dlq", false); err != nil {
		t.Fatal(err)
	}
	w.Until("it is over", c.is(dead, "resolved"))

	check(w, s3.Stop(t.Context()))
	w.Send("", "log_queue", 20, 29, func(seq int) string { return fmt.Sprintf(`{"source":"a","seq":%d}`, seq) })
	w.Until("the outage calls", c.is(outage, "firing"))
	check(w, s3.Start(t.Context()))
	w.Until("the outage is over", c.is(outage, "resolved"))

	c.Close()
	w.Send("", "log_queue", 30, 1029, func(seq int) string {
		if seq == 30 {
			return "not JSON"
		}
		return fmt.Sprintf(`{"source":"a","seq":%d}`, seq)
	})
	w.Says(p, "alerts cannot be sent")
	w.Until("all is stored", func() bool { return len(w.Stored().Count) >= 19+10+999 })
	w.Taken("log_queue")
	w.Stops(p, 0)
	if line, ok := p.Find("hunter2"); ok {
		t.Errorf("the log has the token: %v", line)
	}
}
