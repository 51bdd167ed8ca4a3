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
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// explained is an error in words that keeps its cause for errors.As.
type explained struct {
	text  string
	cause error
	class string // "" leaves it to the engine
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.cause }

// Class is what the error is counted by, see engine.ClassOf.
func (e *explained) Class() string { return e.class }

func explain(cause error, format string, args ...any) error {
	return &explained{fmt.Sprintf(format, args...), cause, classOf(cause)}
}

// late is explain for a deadline that has passed. The cause is only that we closed the socket.
func late(cause error, format string, args ...any) error {
	return &explained{fmt.Sprintf(format, args...), cause, classTimeout}
}

// explainTCP says why no connection came about.
func (e endpoint) explainTCP(ctx context.Context, err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return explain(err, "there is no host %q: its name cannot be resolved", e.host)
	case errors.As(err, &dns):
		return explain(err, "the name of host %q cannot be resolved now: %s", e.host, dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return explain(err, "connection refused: nothing listens on that port")
	case ctx.Err() != nil:
		return late(err, "%v; is the address right, and does a firewall let it through?", context.Cause(ctx))
	}
	return explain(err, "%v", err)
}

// explainTLS says why the TLS handshake failed.
func (e endpoint) explainTLS(ctx context.Context, err error) error {
	var (
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case ctx.Err() != nil:
		return late(err, "TLS: %v", context.Cause(ctx))
	case errors.As(err, &record):
		return explain(err, "the port does not speak TLS: use amqp:// without a tls block, or the broker's TLS port (mostly 5671)")
	case errors.As(err, &authority):
		return explain(err, "the broker's certificate is signed by an authority that is not known here: name its certificate with ca in the tls block")
	case errors.As(err, &host):
		return explain(err, "the broker's certificate is not for this name (%v): if the broker is the right one, set server_name in the tls block", host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return explain(err, "the broker's certificate is expired or not valid yet: %v", invalid)
	case isAlert(err):
		return explain(err, "the broker refuses TLS with us (%v): does it want a client certificate (cert and key in the tls block), or another one?", err)
	case isEnd(err):
		return explain(err, "the other side closed the connection in the TLS handshake: is this the broker's TLS port (mostly 5671)?")
	}
	return explain(err, "TLS: %v", err)
}

// explainHandshake says why the AMQP handshake failed.
func (e endpoint) explainHandshake(ctx context.Context, w *wire, err error) error {
	first, readErr := w.ended()
	var refused *amqp.Error
	switch {
	case ctx.Err() != nil && len(first) == 0:
		return late(err, "the port accepts connections and says nothing (%v): is it a RabbitMQ port?", context.Cause(ctx))
	case ctx.Err() != nil:
		return late(err, "%v in the middle of the handshake", context.Cause(ctx))
	case isAlert(readErr): // TLS 1.3 refuses a client certificate only after the handshake
		return e.explainTLS(ctx, readErr)
	case notAMQP(first) != "":
		return explain(err, "this is not a RabbitMQ port: %s", notAMQP(first))
	case len(first) == 0 && isEnd(readErr):
		return explain(err, "the other side closed the connection without a word: is it a RabbitMQ port? A TLS port needs amqps://, the management port 15672 does not speak AMQP")
	case errors.Is(err, amqp.ErrSASL):
		return explain(err, "the broker does not offer the login mechanism %s", strings.ToUpper(e.mechanism()))
	case errors.As(err, &refused):
		return e.explainRefusal(refused)
	}
	return explain(err, "%v", err)
}

func (e endpoint) mechanism() string {
	if e.external {
		return External
	}
	return Plain
}

// explainRefusal is for what the broker says in the handshake.
func (e endpoint) explainRefusal(err *amqp.Error) error {
	switch {
	case err.Code == amqp.AccessRefused && e.external:
		return explain(err, "the broker refuses the client certificate: does it have a user of that name, and the plugin rabbitmq_auth_mechanism_ssl?")
	case err.Code == amqp.AccessRefused && e.user == guest:
		return explain(err, "user %q is refused: the password is wrong, or the broker is on another machine, from where this user may not log in", e.user)
	case err.Code == amqp.AccessRefused:
		return explain(err, "user %q is refused: wrong user name or password", e.user)
	case err.Code == amqp.NotAllowed && strings.Contains(err.Reason, "not found"):
		return explain(err, "the broker has no virtual host %q", e.vhost)
	case err.Code == amqp.NotAllowed && strings.HasSuffix(err.Reason, "refused for user '"+e.user+"'"):
		return explain(err, "user %q has no access to virtual host %q", e.user, e.vhost)
	}
	return explain(err, "the broker refuses the connection: %s", reason(err))
}

// notAMQP says what else a port seems to be by its first bytes, "" if they may come from a broker.
func notAMQP(first []byte) string {
	text := string(first)
	switch {
	case text == "":
		return ""
	case strings.HasPrefix(text, "HTTP/") || strings.HasPrefix(text, "<"):
		return "it answers with HTTP; the AMQP port is mostly 5672"
	case strings.HasPrefix(text, "AMQP"):
		return "it speaks another version of AMQP"
	case first[0] == 0x15 || first[0] == 0x16: // a TLS alert or handshake record
		return "it speaks TLS; use amqps:// or a tls block"
	case first[0] >= ' ' && first[0] < 0x7f || first[0] == '\r' || first[0] == '\n':
		return fmt.Sprintf("it answers %q", strings.TrimSpace(text))
	}
	return ""
}

func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

func isAlert(err error) bool {
	var alert tls.AlertError
	var op *net.OpError
	return errors.As(err, &alert) || errors.As(err, &op) && op.Op == "remote error"
}

var (
	ackTimeout    = regexp.MustCompile(`Timeout value used: (-?\d+) ms`)
	missing       = regexp.MustCompile(`no (queue|exchange|binding) (?:'(.*)' )?in vhost '(.*)'`)
	refusedAccess = regexp.MustCompile(`access to (\w+) '(.*)' in vhost '(.*)' refused for user '(.*)'`)
)

// inWords is for errors of an open connection and its channels.
func (c *Connection) inWords(err *amqp.Error) error {
	if said := c.wire.tap.words.get(); said != nil && !err.Server {
		err = said // the library met another error first
	}
	switch {
	case err == amqp.ErrChannelMax || isLimit(err):
		return c.explainLimit(err)
	case !err.Server && err == amqp.ErrClosed:
		return explain(err, "the connection is closed")
	case !err.Server && strings.Contains(err.Reason, amqp.ErrSyntax.Reason):
		return explain(err, "a message came that cannot be read: its headers are nested more than 32 deep, or a table or list in them has more than 8192 entries; "+
			"the queue stands still until you take it out of the queue, such as with \"Get messages\" of the management page: %s", err.Reason)
	case !err.Server:
		return c.explainNetwork(err)
	case err.Code == amqp.ConnectionForced:
		return explain(err, "the broker closed the connection, on an operator's word or because it stops: %s", reason(err))
	case err.Code == amqp.NotFound && missing.MatchString(err.Reason):
		m := missing.FindStringSubmatch(err.Reason)
		return explain(err, "there is no %s %q in virtual host %q", m[1], m[2], m[3])
	case err.Code == amqp.AccessRefused && refusedAccess.MatchString(err.Reason):
		m := refusedAccess.FindStringSubmatch(err.Reason)
		return explain(err, "user %q may not do this with %s %q in virtual host %q: give the permission with rabbitmqctl set_permissions", m[4], m[1], m[2], m[3])
	case err.Code == amqp.AccessRefused && strings.Contains(err.Reason, "in exclusive use"):
		return explain(err, "another consumer has the queue for itself: %s", reason(err))
	case err.Code == amqp.ResourceLocked:
		return explain(err, "the queue belongs to another connection alone: %s", reason(err))
	case err.Code == amqp.PreconditionFailed && !unknownType(err):
		return explainPrecondition(err)
	case IsCrash(err):
		return explain(err, "the broker ended the connection by an error of its own: %s (541); its log says which. If that comes again and again, it has "+
			"taken a message by AMQP 1.0 that it cannot put into AMQP 0-9-1 (3.x: an id that is a number or longer than 255 bytes; 4.x: a property of the "+
			"type uuid or char), and ends whoever reads it: read it by AMQP 1.0, or delete it by one basic.get with automatic ack", err.Reason)
	case unknownType(err):
		return explain(err, "the broker does not have this type of exchange: %s", reason(err))
	}
	return explain(err, "the broker says: %s (%d)", reason(err), err.Code)
}

// IsCrash reports whether the broker ended the connection because something in it crashed: it gives no reason then. A message
// that it cannot put into AMQP 0-9-1 makes it do so (measured with 3.10, 4.0 and 4.3). A queue that does not answer
// in time has the same code, and a reason.
func IsCrash(err error) bool {
	said, ok := errors.AsType[*amqp.Error](err)
	return ok && said.Server && said.Code == amqp.InternalError && said.Reason == "INTERNAL_ERROR"
}

// unknownType reports whether the broker refuses to make an exchange of a type that it does not
// have. Up to 3.x it closes the connection for that (503), since 4.0 the channel (406).
func unknownType(err *amqp.Error) bool {
	return (err.Code == amqp.CommandInvalid || err.Code == amqp.PreconditionFailed) && strings.Contains(err.Reason, "unknown exchange type")
}

func explainPrecondition(err *amqp.Error) error {
	if m := ackTimeout.FindStringSubmatch(err.Reason); m != nil {
		ms, _ := strconv.Atoi(m[1])
		if ms < 0 {
			// 4.3 says so of a message whose subscription is cancelled, as it is when the prefetch was changed (seen with 4.3.6).
			return explain(err, "the broker closed the channel because a message waited for its ack longer than the consumer_timeout of this input")
		}
		return explain(err, "the broker closed the channel because a message waited for its ack longer than its consumer_timeout of %v", time.Duration(ms)*time.Millisecond)
	}
	if d, ok := parseDifference(err.Reason); ok {
		return explain(err, "%s; change the configuration, or use declare = \"never\"", d)
	}
	return explain(err, "the broker says: %s", reason(err))
}

// explainNetwork is for what the library found out itself: the broker has said nothing.
func (c *Connection) explainNetwork(err *amqp.Error) error {
	_, readErr := c.wire.ended()
	switch {
	case errors.Is(readErr, errFull):
		return explain(readErr, "the connection to the broker was given up: %v", readErr)
	case errors.Is(readErr, os.ErrDeadlineExceeded):
		return explain(readErr, "the connection to the broker is lost: no sign of life (heartbeat) from it")
	case isEnd(readErr):
		return explain(readErr, "the connection to the broker is lost: the other side closed it without a word")
	case readErr != nil:
		return explain(readErr, "the connection to the broker is lost: %v", readErr)
	}
	return explain(err, "the connection to the broker is lost: %s", err.Reason)
}

// reason is the broker's text without the code's name in front, which says nothing more than the text.
func reason(err *amqp.Error) string {
	if name, text, ok := strings.Cut(err.Reason, " - "); ok && name == strings.ToUpper(name) && text != "" {
		return text
	}
	return err.Reason
}
