package amqp

import (
	"log/slog"
	"strings"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// Who reads that the input is lost, again and again, must find the cause, and must not look for it where there is none.
func TestOnlyAnErrorOfTheBrokerItselfMakesCautious(t *testing.T) {
	in := &input{cfg: Config{Queue: "logs"}, env: engine.Env{Log: slog.New(slog.DiscardHandler)}, said: map[string]bool{}}
	s := newSession(in)
	c := credit.New(100, 0, 0, &in.caution)
	s.credits = append(s.credits, c)
	c.Begin()
	for _, err := range []error{amqp091.ErrClosed, &amqp091.Error{Code: amqp091.ConnectionForced, Server: true}, &amqp091.Error{Code: amqp091.InternalError},
		&amqp091.Error{Code: amqp091.InternalError, Server: true, Reason: "INTERNAL_ERROR - timed out"}} {
		if got := s.suspect(err); got != err || in.caution.Bound(100) != 100 {
			t.Errorf("%v became %v, and %d messages are asked for", err, got, in.caution.Bound(100))
		}
	}
	broke := &amqp091.Error{Code: amqp091.InternalError, Server: true, Reason: "INTERNAL_ERROR"}
	if got := s.suspect(broke).Error(); !strings.Contains(got, `a message of queue "logs" may be`) {
		t.Error(got)
	}
	for c.Begin() > 1 {
		s.suspect(broke)
	}
	if got := s.suspect(broke).Error(); !strings.Contains(got, `at the front of queue "logs"`) {
		t.Error(got)
	}
	c.Take([]rabbitmq.Incoming{{Size: 10}})
	if got := s.suspect(broke).Error(); strings.Contains(got, "front") {
		t.Errorf("it came behind another one: %s", got)
	}
}
