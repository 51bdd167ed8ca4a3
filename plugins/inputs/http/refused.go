package http

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// refusals says in the log that requests are refused: the first at once, and then not more than once a minute how many there were.
type refusals struct {
	log *slog.Logger

	mu    sync.Mutex
	said  time.Time
	count int
}

const sayEvery = time.Minute

func (r *refusals) note(a answer, from string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if !r.said.IsZero() && time.Since(r.said) < sayEvery {
		return
	}
	host, _, err := net.SplitHostPort(from)
	if err != nil {
		host = from
	}
	r.log.Warn("requests were refused", "requests", r.count, "status", a.status, "why", a.text, "last_from", host)
	r.said, r.count = time.Now(), 0
}
