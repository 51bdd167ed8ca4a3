package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// page asks for what the status page shows.
type page struct {
	show   *show
	url    string
	client http.Client
	state  string
	said   time.Time
}

func newPage(s *show, at string) *page {
	return &page{show: s, url: at + "/api/status?history=no", client: http.Client{Timeout: 5 * time.Second}}
}

// watch looks once a second for some time.
func (p *page) watch(ctx context.Context, lasts time.Duration) error {
	end := time.Now().Add(lasts)
	return p.watchUntil(ctx, lasts+time.Minute, func() bool { return time.Now().After(end) })
}

// watchUntil looks once a second until something is so.
func (p *page) watchUntil(ctx context.Context, most time.Duration, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	each := time.NewTicker(time.Second)
	defer each.Stop()
	for !so() {
		p.look(ctx)
		select {
		case <-each.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until the page is well and the alerts are over: %w", ctx.Err())
		}
		if p.show.pipeline.Ended() {
			return errors.New("logpipe ended:\n" + p.show.pipeline.Tail(10))
		}
	}
	return nil
}

// look prints what the page says when its state has changed, and once a minute.
func (p *page) look(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return // a wrong -admin; logpipe says so itself
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return // it is not there yet
	}
	defer answer.Body.Close()
	var status struct {
		Pipelines []struct {
			State, Word string
			Says        []string
		}
	}
	if json.NewDecoder(answer.Body).Decode(&status) != nil || len(status.Pipelines) == 0 {
		return // it was cut off; the next look is in a second
	}
	now := status.Pipelines[0]
	if state := now.State + " " + now.Word; p.state != now.State || time.Since(p.said) >= time.Minute {
		p.state, p.said = now.State, time.Now()
		p.show.say("page", "%s", state)
		for _, text := range now.Says {
			p.show.say("page", "  %s", text)
		}
	}
}

// receiver is who is called by the alerts.
type receiver struct {
	url    string
	server *http.Server

	mu     sync.Mutex
	firing map[string]bool
}

// listen starts one that prints all it gets.
func listen(s *show) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for alerts: %w", err)
	}
	r := &receiver{url: "http://" + l.Addr().String() + "/alerts", firing: map[string]bool{}}
	r.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err == nil {
			err = r.note(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var pretty bytes.Buffer
		_ = json.Indent(&pretty, body, "", "  ") // note has read it as JSON
		s.say("webhook", "%s", pretty.String())
	})}
	go func() { _ = r.server.Serve(l) }() // it ends by close
	return r, nil
}

// note remembers which alerts fire.
func (r *receiver) note(body []byte) error {
	var m struct {
		Alerts []struct{ Status, Fingerprint string }
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("read an alert: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range m.Alerts {
		if a.Status == "firing" {
			r.firing[a.Fingerprint] = true
		} else {
			delete(r.firing, a.Fingerprint)
		}
	}
	return nil
}

// over reports whether no alert fires that did.
func (r *receiver) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.firing) == 0
}

func (r *receiver) close() { _ = r.server.Close() }
