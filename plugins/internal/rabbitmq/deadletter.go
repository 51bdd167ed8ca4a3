package rabbitmq

import amqp "github.com/rabbitmq/amqp091-go"

// HeaderPrefix is what the names of all headers of logpipe begin with.
const HeaderPrefix = "x-logpipe-"

// The headers that say of a dead letter why it is one, and where it came from.
const (
	HeaderReason      = HeaderPrefix + "reason"
	HeaderError       = HeaderPrefix + "error"
	HeaderPipeline    = HeaderPrefix + "pipeline"
	HeaderHost        = HeaderPrefix + "host"
	HeaderVersion     = HeaderPrefix + "version"
	HeaderFirstFailed = HeaderPrefix + "first-failed-at"
	HeaderQueue       = HeaderPrefix + "queue"       // that it was read from
	HeaderExchange    = HeaderPrefix + "exchange"    // that it had been published to, if not the default one
	HeaderRoutingKey  = HeaderPrefix + "routing-key" // and the key
	HeaderRedriven    = HeaderPrefix + "redriven"    // how often it was sent back
)

// AddOrigin adds where the message came from to the headers of a dead letter. It does nothing where that is not known.
func (d *Delivery) AddOrigin(headers amqp.Table) {
	if d.queue == "" {
		return
	}
	headers[HeaderQueue] = d.queue
	delete(headers, HeaderExchange) // of an earlier time
	delete(headers, HeaderRoutingKey)
	if from := d.decoded(); from.Exchange != "" {
		headers[HeaderExchange], headers[HeaderRoutingKey] = from.Exchange, from.RoutingKey
	}
}

// KeptInRedrive reports whether a header of logpipe stays when a dead letter is sent back: since when it fails, how often it was sent back, and
// what it lost on the way. The others speak of a failure that may be over.
func KeptInRedrive(name string) bool {
	switch name {
	case HeaderFirstFailed, HeaderRedriven, headerExpiration, headerUser, headerReplyTo, headerCC, headerBCC, headerLeftOut:
		return true
	}
	return false
}
