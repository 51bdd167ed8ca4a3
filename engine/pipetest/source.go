package pipetest

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/internal/sleep"
)

// How long a source waits until all is settled, and how long a pipeline may take to end behind that.
const (
	settleLimit = time.Hour
	drainLimit  = time.Hour
)

// How many messages an input hands over at once.
const chunkMessages = 256

// source stands in place of the inputs. It gives the messages, waits until all of them are settled, and is finished. When they are not
// settled within settleLimit it is finished too: a stage may be one that waits for the end.
type source struct {
	send    []config.TestMessage
	wait    time.Duration // how long it stays open behind that
	next    int           // the message to send
	tag     uint64        // of the last chunk
	acked   atomic.Int64
	settled chan struct{} // gets something when acked grew
}

func newSource(send []config.TestMessage, wait time.Duration) *source {
	return &source{send: send, wait: wait, settled: make(chan struct{}, 1)}
}

func (s *source) Open(context.Context) error  { return nil }
func (s *source) Close(context.Context) error { return nil }

// Read gives what is sent at one time as a chunk.
func (s *source) Read(ctx context.Context, b *engine.Batch) error {
	if s.next == len(s.send) {
		return s.end(ctx)
	}
	// A moment between any two chunks keeps their order from being a matter of luck.
	if err := sleep.For(ctx, max(s.send[s.next].After, time.Microsecond)); err != nil {
		return err
	}
	for first := true; s.next < len(s.send) && len(b.Messages) < chunkMessages; first = false {
		if !first && s.send[s.next].After > 0 {
			break
		}
		b.Messages = append(b.Messages, s.message(s.next))
		s.next++
	}
	s.tag++
	b.Tag = s.tag
	return nil
}

func (s *source) message(i int) engine.Message {
	m := s.send[i]
	if m.Time.IsZero() {
		m.Time = time.Now().UTC()
	}
	body := append([]byte(nil), m.Body...)
	return engine.Message{Body: body[:len(body):len(body)], Time: m.Time, Meta: &meta{m, i}}
}

// end waits for the acks.
func (s *source) end(ctx context.Context) error {
	timer := time.NewTimer(settleLimit)
	defer timer.Stop()
	for uint64(s.acked.Load()) < s.tag {
		select {
		case <-s.settled:
		case <-timer.C:
			return io.EOF
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := sleep.For(ctx, s.wait); err != nil {
		return err
	}
	return io.EOF
}

// Ack counts.
func (s *source) Ack(_ context.Context, tags []uint64) error {
	s.acked.Add(int64(len(tags)))
	select {
	case s.settled <- struct{}{}:
	default: // somebody has not looked yet
	}
	return nil
}

// meta is what the input knows of a message, and which of those that were sent it is.
type meta struct {
	sent  config.TestMessage
	index int
}

func (m *meta) ID() string              { return m.sent.ID }
func (m *meta) RoutingKey() string      { return m.sent.RoutingKey }
func (m *meta) Headers() map[string]any { return m.sent.Headers }

// indexOf tells which of the messages that were sent m is, or came from; -1 where a processor made it anew.
func indexOf(m *engine.Message) int {
	if sent, ok := m.Meta.(*meta); ok {
		return sent.index
	}
	return -1
}
