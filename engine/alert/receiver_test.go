package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
	"github.com/logpipe/logpipe/test/servers"
)

// received is a server that keeps what is posted to it.
type received struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []map[string]any
	answer func(w http.ResponseWriter, r *http.Request) bool // whether it has answered
}

func newReceived(t *testing.T) *received {
	r := &received{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.answer != nil && r.answer(w, req) {
			return
		}
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		r.bodies = append(r.bodies, m)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *received) all() []map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies)
}

// until waits for a state with one deadline.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never happened: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func firing(name string) news {
	return news{fires, alert{key: key{name, "logs", "output.s3"}, cause: "every write fails", value: "6m", threshold: "5m", next: "look", severity: "critical", starts: time.Now()}}
}

func over(n news) news {
	n.change, n.alert.ends = resolves, time.Now()
	return n
}

// post gives news to a sender and sends them as the engine does.
func runSender(t *testing.T, c Config, log *slog.Logger) *sender {
	s := newSender(c, Origin{Instance: "host", URL: "http://127.0.0.1:9600/"}, log)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return s
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// What the webhook gets is what a real Alertmanager sends to its own webhook receivers, field by field: what understands one understands
// the other. The Alertmanager takes the alert, keeps it, and resolves it.
func TestLikeAlertmanager(t *testing.T) {
	theirs, ours := newReceived(t), newReceived(t)
	am := servers.OwnAlertmanager(t, fmt.Sprintf(`
route: {receiver: logpipe, group_by: [pipeline], group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h}
receivers: [{name: logpipe, webhook_configs: [{url: %q, send_resolved: true}]}]
`, theirs.URL))
	a, b := rules(), rules()
	a.Kind, a.URL, a.Timeout, a.Labels = Alertmanager, engine.NewSecret(am.URL), 10*time.Second, map[string]string{"team": "ops"}
	b.URL, b.Timeout, b.Labels = engine.NewSecret(ours.URL), 10*time.Second, a.Labels
	toThem, toUs := runSender(t, a, quietLog()), runSender(t, b, quietLog())

	one := firing(nameOutage)
	toThem.add([]news{one})
	toUs.add([]news{one})
	until(t, "both tell that it fires", func() bool { return len(theirs.all()) == 1 && len(ours.all()) == 1 })
	compareMessages(t, theirs.all()[0], ours.all()[0])
	if ends := endsAt(t, am); time.Until(ends) < 2*keepAlive {
		t.Errorf("it ends at %v, before it is posted again twice", ends)
	}
	// Posted again, it lives longer and is no new alert.
	before := endsAt(t, am)
	toThem.refresh()
	poke(toThem.wake)
	until(t, "it is kept alive", func() bool { return endsAt(t, am).After(before) })

	one = over(one)
	toThem.add([]news{one})
	toUs.add([]news{one})
	until(t, "both tell that it is over", func() bool { return len(theirs.all()) == 2 && len(ours.all()) == 2 })
	compareMessages(t, theirs.all()[1], ours.all()[1])
	if got := ours.all()[1]["status"]; got != "resolved" {
		t.Errorf("the status is %v", got)
	}
	until(t, "no resolved alert is kept", func() bool {
		toUs.mu.Lock()
		defer toUs.mu.Unlock()
		return len(toUs.alerts) == 0
	})
}

// compareMessages compares all fields but the addresses of the two and the times, which Alertmanager rounds.
func compareMessages(t *testing.T, theirs, ours map[string]any) {
	t.Helper()
	at := func(v any) time.Time { text, _ := v.(string); at, _ := time.Parse(time.RFC3339Nano, text); return at }
	same := cmp.FilterPath(func(p cmp.Path) bool {
		last := p.Last().String()
		return last == `["startsAt"]` || last == `["endsAt"]`
	}, cmp.Comparer(func(a, b any) bool {
		d := at(a).Sub(at(b)).Abs()
		return at(a).IsZero() == at(b).IsZero() && d < time.Second
	}))
	other := cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == `["externalURL"]` || p.Last().String() == `["groupKey"]`
	},
		cmp.Comparer(func(a, b any) bool { _, one := a.(string); _, two := b.(string); return one && two }))
	if diff := cmp.Diff(theirs, ours, same, other); diff != "" {
		t.Errorf("-the Alertmanager's +ours:\n%s", diff)
	}
	if theirs["groupKey"] != ours["groupKey"] {
		t.Errorf("the group key is %v, want %v", ours["groupKey"], theirs["groupKey"])
	}
}

func endsAt(t *testing.T, am *servers.Alertmanager) time.Time {
	t.Helper()
	resp, err := http.Get(am.URL + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []struct{ EndsAt time.Time }
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil || len(all) != 1 {
		t.Fatalf("%v: %v", err, all)
	}
	return all[0].EndsAt
}

// A receiver that is away gets the newest state of each alert when it is back, and the log has one line for each change. The token of
// the URL is in none of them.
func TestReceiverAway(t *testing.T) {
	r := newReceived(t)
	away := true
	r.answer = func(w http.ResponseWriter, req *http.Request) bool {
		if away {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, req.URL)
		}
		return away
	}
	var text syncText
	c := rules()
	c.URL, c.BearerToken = engine.NewSecret(r.URL+"/hunter2"), engine.NewSecret("hunter3")
	s := runSender(t, c, slog.New(slog.NewTextHandler(&text, nil)))
	one, two := firing(nameOutage), firing(nameSuccessRate)
	s.add([]news{one, two})
	until(t, "the log says so", func() bool { return strings.Contains(text.String(), "cannot be sent") })
	s.add([]news{over(one)})
	r.mu.Lock()
	away = false
	r.mu.Unlock()
	until(t, "it gets both", func() bool { return len(r.all()) > 0 && strings.Contains(text.String(), "sent again") })
	m := r.all()[len(r.all())-1]
	states := map[any]any{}
	for _, a := range m["alerts"].([]any) {
		a := a.(map[string]any)
		states[a["labels"].(map[string]any)["alertname"]] = a["status"]
	}
	want := map[any]any{nameOutage: "resolved", nameSuccessRate: "firing"}
	if diff := cmp.Diff(want, states); diff != "" || m["status"] != "firing" {
		t.Errorf("%v: %s", m["status"], diff)
	}
	if got := text.String(); strings.Count(got, "\n") != 2 || strings.Contains(got, "hunter") || strings.Contains(got, r.URL) {
		t.Error(got)
	}
}

// A redirect would carry the token to another server, and a refusal is not mended by trying again.
func TestNotTriedAgain(t *testing.T) {
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusForbidden} {
		r := newReceived(t)
		posts := 0
		r.answer = func(w http.ResponseWriter, req *http.Request) bool {
			posts++
			if req.Header.Get("Authorization") != "Bearer hunter3" {
				t.Errorf("the token is %q", req.Header.Get("Authorization"))
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			return true
		}
		c := rules()
		c.URL, c.BearerToken = engine.NewSecret(r.URL), engine.NewSecret("hunter3")
		s := newSender(c, Origin{}, quietLog())
		s.add([]news{firing(nameOutage)})
		s.send(t.Context())
		if posts != 1 {
			t.Errorf("after status %d there were %d posts", status, posts)
		}
	}
}

// syncText is a text that is written and read at once.
type syncText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *syncText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *syncText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *syncText) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return s.text.String()
}

// A receiver that a reload takes away is told that its alerts are over: nobody would tell it later, and it would call people for ever.
func TestRemovedReceiver(t *testing.T) {
	r := newReceived(t)
	p := stats.NewPipeline("logs", []stats.Place{{Name: "output.s3", Role: engine.RoleOutput}})
	set := &stats.Set{}
	set.Replace([]*stats.Pipeline{p})
	c := rules()
	c.URL, c.Outage = engine.NewSecret(r.URL), time.Millisecond
	e := New(set, Origin{}, quietLog())
	e.every = 10 * time.Millisecond
	e.Set([]Config{c})
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); e.Run(ctx, nil) }()
	defer func() { stop(); <-over }()
	p.Observe(engine.Event{Kind: engine.Outage, Plugin: "output.s3", Err: errors.New("down")})
	last := func() any {
		all := r.all()
		if len(all) == 0 {
			return nil
		}
		return all[len(all)-1]["status"]
	}
	until(t, "it is told", func() bool { return last() == "firing" })
	e.Set(nil)
	until(t, "it is told that it is over", func() bool { return last() == "resolved" })
}
