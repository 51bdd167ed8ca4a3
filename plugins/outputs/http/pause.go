package http

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
)

const (
	// longestPause is the most that is believed of a Retry-After: some say days.
	longestPause = 5 * time.Minute
	// longestWait is how long a Write waits by itself. A longer pause is an outage, which is the business of fallback and hold.
	longestWait = 10 * time.Second
)

// pause keeps all writes back until the server wants to be asked again.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

func (p *pause) ask(d time.Duration) {
	if d <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(min(d, longestPause)); until.After(p.until) {
		p.until = until
	}
}

func (p *pause) wait(ctx context.Context) error {
	p.mu.Lock()
	left := time.Until(p.until)
	p.mu.Unlock()
	switch {
	case left <= 0:
		return nil
	case left > longestWait:
		return fmt.Errorf("%w: %v from now", errPaused, left.Round(time.Second))
	}
	return sleep.For(ctx, left)
}

// retryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3). 0 is for one that is missing or says nothing.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(0, min(seconds, int(longestPause/time.Second)))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return date.Sub(now)
	}
	return 0
}
