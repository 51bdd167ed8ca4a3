package servers

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The variables that name servers which run already, choose a RabbitMQ, and
// name the cache folder.
const (
	EnvAMQP     = "LOGPIPE_TEST_AMQP_URL"
	EnvAdmin    = "LOGPIPE_TEST_AMQP_ADMIN"
	EnvRabbitMQ = "LOGPIPE_TEST_RABBITMQ"
	EnvS3       = "LOGPIPE_TEST_S3_ENDPOINT"
	EnvS3Access = "LOGPIPE_TEST_S3_ACCESS_KEY"
	EnvS3Secret = "LOGPIPE_TEST_S3_SECRET_KEY"
	EnvS3Region = "LOGPIPE_TEST_S3_REGION"
	EnvCache    = "LOGPIPE_CACHE"
)

// ErrUnavailable says that there is no server and no way to get one here. It
// is not returned for a server that was found and does not work.
var ErrUnavailable = errors.New("no server can be had")

// ErrNotOwn is the answer of Stop, Start, Kill, Pause, Resume and Ctl for a
// server that somebody else started.
var ErrNotOwn = errors.New("the server was not started by this process; ask for one with Options.Own")

// readyTimeout bounds the wait for a server that was just launched. A broker
// takes some six seconds of processor time; on a busy machine with two cores
// that has been minutes. One that ends is not waited for.
const readyTimeout = 6 * time.Minute

// Options say how a server is found or started. The zero value is useful.
type Options struct {
	// Log receives progress, one sentence a call. It may be nil. It is called
	// from the goroutine that called StartBroker or StartS3.
	Log func(string)

	// Own asks for a server that may be stopped, paused and killed: what the
	// environment names is then not used.
	Own bool

	// Protocols asks for an own broker that speaks AMQP 1.0, MQTT and STOMP as
	// well as AMQP 0-9-1. A container does not.
	Protocols bool

	// Data is the folder for the objects of an own S3 server. It is made when
	// missing and Close leaves it. Empty: a temporary folder that Close
	// removes. A broker and a container do not use it.
	Data string
}

// logf reports progress where somebody wants to hear it.
func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		o.Log(fmt.Sprintf(format, args...))
	}
}

// unavailable collects why each way to a server was closed.
type unavailable struct {
	server string
	closed []string
	advice string
}

// add notes that one way is closed.
func (u *unavailable) add(way string, err error) {
	u.closed = append(u.closed, way+": "+err.Error())
}

// Error names the server, the closed ways and what the reader can do.
func (u *unavailable) Error() string {
	return fmt.Sprintf("no %s can be had on this machine (%s); %s",
		u.server, strings.Join(u.closed, "; "), u.advice)
}

// Unwrap lets callers ask for ErrUnavailable.
func (u *unavailable) Unwrap() error { return ErrUnavailable }
