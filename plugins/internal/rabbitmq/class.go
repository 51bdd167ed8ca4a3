package rabbitmq

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The classes that errors of a broker are counted by: each is mended by somebody else.
const (
	classNetwork   = "network"   // the broker is not there, or went away
	classTimeout   = "timeout"   // it is there and does not answer in time
	classTLS       = "tls"       // a certificate, or a port that does not speak TLS
	classRefused   = "refused"   // the login, or a wish that the broker does not grant
	classForbidden = "forbidden" // the user lacks a permission
	classMissing   = "missing"   // a virtual host, a queue or an exchange
	classLocked    = "locked"    // somebody else has the queue for himself
	classTooLarge  = "too_large" // the message
	classFull      = "full"      // the broker has no room
	classServer    = "server"    // the broker stops, or has a bug
)

// Classes are those of a connection beside the engine's, for engine.Traits.
var Classes = []string{classTLS, classRefused, classMissing, classLocked, classTooLarge, classServer}

// classOf puts the cause of an error into one of these classes; "" leaves it to the engine.
func classOf(err error) string {
	if refused, ok := errors.AsType[*amqp.Error](err); ok {
		return classOfAnswer(refused)
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return classTimeout
	}
	switch {
	case isTLS(err):
		return classTLS
	case isNetwork(err):
		return classNetwork
	}
	return ""
}

// classOfAnswer is by what the broker said. What the library says for itself is about a connection that is gone, but for the login.
func classOfAnswer(err *amqp.Error) string {
	switch {
	case strings.Contains(err.Reason, "refused for user"):
		return classForbidden
	case err.Code == amqp.ResourceLocked || strings.Contains(err.Reason, "in exclusive use"):
		return classLocked
	case err.Code == amqp.AccessRefused:
		return classRefused
	case !err.Server && strings.Contains(err.Reason, amqp.ErrSyntax.Reason):
		return "" // a message that cannot be read; the network is well
	case err == amqp.ErrChannelMax:
		return classRefused
	case !err.Server:
		return classNetwork
	case err.Code == amqp.NotFound || err.Code == amqp.NotAllowed && strings.Contains(err.Reason, "not found"):
		return classMissing
	case err.Code == amqp.ContentTooLarge || maxSize.MatchString(err.Reason):
		return classTooLarge
	case ackTimeout.MatchString(err.Reason):
		return classTimeout
	case err.Code == amqp.ResourceError:
		return classFull
	case err.Code == amqp.ConnectionForced || err.Code == amqp.InternalError:
		return classServer
	}
	return classRefused
}

func isTLS(err error) bool {
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &record) || errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) ||
		errors.As(err, &invalid) || isAlert(err)
}

func isNetwork(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) || errors.As(err, &dns) || isEnd(err) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed)
}
