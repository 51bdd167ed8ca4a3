package amqp

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// config publishes to exchange "logs" with queue "stored".
func config(v *rabbittest.VHost) Config {
	c := Defaults()
	c.URL = engine.NewSecret(v.URL)
	c.Exchange, c.Queue = "logs", "stored"
	return c
}

// through lets the configuration go through a gate.
func through(g *rabbittest.Gate, c Config) Config {
	u, _ := url.Parse(c.URL.Reveal()) // it is the broker's own
	u.Host = g.Address
	c.URL = engine.NewSecret(u.String())
	return c
}

func env(tb testing.TB, role engine.Role) engine.Env {
	return engine.Env{
		Log: slog.New(slog.NewTextHandler(tb.Output(), nil)), Pipeline: "test", Role: role, Version: "v0", NewID: engine.NewID,
	}
}

type logText struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newLog(text *logText) *slog.Logger { return slog.New(slog.NewTextHandler(text, nil)) }

func newOutput(tb testing.TB, c Config, e engine.Env) engine.Output {
	tb.Helper()
	if err := c.Validate(); err != nil {
		tb.Fatal(err)
	}
	o, err := New(c, e)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), rabbittest.Patience)
		defer cancel()
		if err := o.Close(ctx); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return o
}

func batch(bodies ...string) *engine.Batch {
	b := &engine.Batch{ID: engine.NewID(), Time: time.Now().UTC()}
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: b.Time})
	}
	return b
}

func write(tb testing.TB, o engine.Output, b *engine.Batch) error {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), rabbittest.Patience)
	defer cancel()
	return o.Write(ctx, b)
}

func bodies(v *rabbittest.VHost, queue string) (all []string) {
	for _, d := range v.Take(queue) {
		all = append(all, string(d.Body))
	}
	return all
}
