package rabbitmq

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
)

// A wrong password, a missing right and a broker that is down are mended by different people, and an alert goes to one of them.
func TestClasses(t *testing.T) {
	says := func(code int, reason string) error { return &amqp.Error{Code: code, Reason: reason, Server: true} }
	for _, c := range []struct {
		want string
		err  error
	}{
		{"refused", says(403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.")},
		{"refused", amqp.ErrCredentials},
		{"refused", amqp.ErrSASL},
		{"refused", says(406, "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received none but current is the value '3'")},
		{"refused", says(530, "NOT_ALLOWED - access to vhost '/' refused: connection limit (1) is reached")},
		{"forbidden", says(530, "NOT_ALLOWED - access to vhost 'logs' refused for user 'u'")},
		{"forbidden", says(403, "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'")},
		{"missing", says(530, "NOT_ALLOWED - vhost nowhere not found")},
		{"missing", says(404, "NOT_FOUND - no exchange 'x' in vhost '/'")},
		{"locked", says(403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use")},
		{"locked", says(405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'")},
		{"too_large", says(406, "PRECONDITION_FAILED - message size 2000 is larger than configured max size 1000")},
		{"timeout", says(406, "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms")},
		{"timeout", says(406, "PRECONDITION_FAILED - delivery acknowledgement on channel 2 timed out. Timeout value used: -1 ms. This timeout value can be configured")},
		{"full", says(506, "RESOURCE_ERROR - out of disk")},
		{"server", says(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'")},
		{"server", says(541, "INTERNAL_ERROR")},
		{"network", amqp.ErrClosed},
		{"network", &amqp.Error{Code: 501, Reason: "EOF"}},
		{"network", io.EOF},
		{"network", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}},
		{"network", &net.DNSError{IsNotFound: true}},
		{"timeout", os.ErrDeadlineExceeded},
		{"timeout", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}},
		{"tls", x509.UnknownAuthorityError{}},
		{"tls", tls.RecordHeaderError{}},
		{"tls", &net.OpError{Op: "remote error", Err: tls.AlertError(42)}},
		{"other", amqp.ErrSyntax},
	} {
		err := fmt.Errorf("connect to the broker: %w", explain(c.err, "it fails"))
		if got := engine.ClassOf(err); got != c.want {
			t.Errorf("%v is %q, want %q", c.err, got, c.want)
		}
	}
}

// When nobody answers we close the socket, and the library says that it is closed: the broker's silence must not pass for its absence.
func TestClassOfSilence(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no answer within 10s"))
	closed := &net.OpError{Op: "read", Err: net.ErrClosed}
	for what, err := range map[string]error{
		"TCP": endpoint{}.explainTCP(ctx, closed), "TLS": endpoint{}.explainTLS(ctx, closed), "handshake": endpoint{}.explainHandshake(ctx, &wire{}, closed),
	} {
		if got := engine.ClassOf(err); got != "timeout" {
			t.Errorf("%s: %v is %q", what, err, got)
		}
	}
}
