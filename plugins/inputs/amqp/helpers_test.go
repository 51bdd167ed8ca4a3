package amqp

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// config reads queue "logs" of the virtual host.
func config(v *rabbittest.VHost) Config {
	c := Defaults()
	c.URL = engine.NewSecret(v.URL)
	c.Queue = "logs"
	return c
}

func env(tb testing.TB) engine.Env {
	return engine.Env{
		Log: slog.New(slog.NewTextHandler(tb.Output(), nil)), Pipeline: "test", Role: engine.RoleInput, Version: "v0",
		NewID: engine.NewID, Capacity: engine.Capacity{Messages: 5000},
	}
}

// logged makes an Env whose log can be read.
func logged(tb testing.TB) (engine.Env, *logText) {
	text := &logText{}
	e := env(tb)
	e.Log = slog.New(slog.NewTextHandler(text, nil))
	return e, text
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

func newInput(tb testing.TB, c Config, e engine.Env) *input {
	tb.Helper()
	if err := c.Validate(); err != nil {
		tb.Fatal(err)
	}
	in, err := New(c, e)
	if err != nil {
		tb.Fatal(err)
	}
	return in.(*input)
}

func open(tb testing.TB, in engine.Input) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), rabbittest.Patience)
	defer cancel()
	if err := in.Open(ctx); err != nil {
		tb.Fatalf("open: %v", err)
	}
}

func shut(tb testing.TB, in engine.Input) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), rabbittest.Patience)
	defer cancel()
	if err := in.Close(ctx); err != nil {
		tb.Errorf("close: %v", err)
	}
}

// read reads one chunk.
func read(tb testing.TB, in engine.Input) *engine.Batch {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), rabbittest.Patience)
	defer cancel()
	b := &engine.Batch{}
	if err := in.Read(ctx, b); err != nil {
		tb.Fatalf("read: %v", err)
	}
	return b
}

// readAll reads n messages and returns their chunks.
func readAll(tb testing.TB, in engine.Input, n int) (chunks []*engine.Batch) {
	tb.Helper()
	for n > 0 {
		b := read(tb, in)
		n -= len(b.Messages)
		chunks = append(chunks, b)
	}
	return chunks
}

func ack(tb testing.TB, in engine.Input, chunks ...*engine.Batch) {
	tb.Helper()
	if err := in.Ack(tb.Context(), tags(chunks)); err != nil {
		tb.Fatalf("ack: %v", err)
	}
}

func tags(chunks []*engine.Batch) (all []uint64) {
	for _, b := range chunks {
		all = append(all, b.Tag)
	}
	return all
}
