// Package http is the input that takes logs by HTTP.
package http

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Takes logs by HTTP: a POST is answered 200 when all of its messages are stored.

The body is lines, each line a message byte for byte without its line feed (application/x-ndjson, text/plain, or no Content-Type), or JSON
(application/json): each element of an array is a message, and any other value is one. Empty lines are no messages. Line breaks within JSON
are taken out, so that every message is one line. Content-Encoding may be gzip or zstd.

200 says that every message of the request is durable, or a dead letter that is. A request is taken as a whole or not at all. What
can never work is answered 4xx, with the reason as JSON: {"status":413,"error":"too_large","message":"…"}. Under back-pressure, when nothing
reads or the pipeline has no room, the answer is 429 or 503 with Retry-After, and so it is while the pipeline ends; of these requests nothing was taken.
There is no queue: what waits is bounded by max_requests and max_pending_bytes.

Delivery is at least once: a client repeats a request that was not answered 200. Two cases store a message twice then: a
client that went away before the answer, or was answered 503 with the error "not_stored_yet", after its request had been taken. Their messages are stored
nevertheless. Only when the process dies, or cannot listen any more, what was taken and not answered is gone, and the client has it still.`

// Plugin is the input "http".
var Plugin = engine.NewInput("http", doc, Defaults, New)

// New makes the input. Open listens.
func New(c Config, env engine.Env) (engine.Input, error) {
	in := &input{Config: c, log: env.Log, pending: budget{limit: int64(c.MaxPendingBytes)}, refused: refusals{log: env.Log}}
	for _, t := range c.Tokens {
		in.tokens = append(in.tokens, sha256.Sum256([]byte(t.Reveal())))
	}
	return in, nil
}

type input struct {
	Config
	log     *slog.Logger
	tokens  [][sha256.Size]byte // hashed, so that a comparison takes the same time for any length
	address string              // that Open found for port 0, to be the same after the next Open
	pending budget
	refused refusals
	open    atomic.Pointer[session] // nil between Close and Open
}

// Open listens.
func (in *input) Open(ctx context.Context) error {
	s := newSession(in)
	address := in.Listen
	if in.address != "" {
		address = in.address
	}
	var err error
	if in.TLS != nil {
		if s.certificates, err = loadCertificates(*in.TLS, in.log); err != nil {
			return err
		}
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	in.address = l.Addr().String()
	in.open.Store(s)
	in.log.Info("listening", "address", in.address, "path", in.Path, "tls", in.TLS != nil)
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && len(in.tokens) == 0 && (in.TLS == nil || in.TLS.ClientCA == "") {
		in.log.Warn("everybody who reaches this address can send logs; tokens, or client_ca in the block tls, would tell who may", "address", in.address)
	}
	s.serve(l)
	return nil
}

// Read gives the next request, as one chunk.
func (in *input) Read(ctx context.Context, b *engine.Batch) error {
	s := in.open.Load()
	select {
	case p := <-s.admit:
		s.take(p, b)
		return nil
	case <-s.stopping:
		return io.EOF
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Ack lets the requests be answered.
func (in *input) Ack(_ context.Context, tags []uint64) error { return in.open.Load().settle(tags) }

// Stop refuses what is not taken yet. The address stays in use, so that clients are told to come again rather than find nobody.
func (in *input) Stop() { in.open.Load().stop() }

// Lost implements engine.Watcher.
func (in *input) Lost() <-chan error { return in.open.Load().lost }

// Close answers what is open and stops listening.
func (in *input) Close(ctx context.Context) error {
	s := in.open.Swap(nil)
	if s == nil {
		return nil // Open failed
	}
	return s.close(ctx)
}

// Gauges implements engine.Gauger.
func (in *input) Gauges() []engine.Gauge {
	gauges := []engine.Gauge{{Name: "pending_bytes", Value: float64(in.pending.used.Load())}}
	if s := in.open.Load(); s != nil {
		gauges = append(gauges, engine.Gauge{Name: "open_requests", Value: float64(len(s.slots))})
	}
	return gauges
}
