package rabbitmq

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// unknown is an argument of a queue that is there, with a value that the broker did not say whole.
type unknown struct{ begins string }

// Losses says how a queue with these arguments loses messages without anybody's doing, each in a
// sentence with the way out: it expires, its messages do, it keeps so many only, or it gives up
// what was delivered too often. Nil is as it should be.
//
// A policy of the broker can do the same to any queue, and AMQP does not tell. What is an argument
// no policy lifts: of the two the lower number counts (measured on 3.10, 4.0 and 4.3). The
// exception is a delivery limit of -1 on RabbitMQ 4, which is none: there the policy's counts.
func Losses(queue string, args amqp.Table, b Broker) []string {
	q := lossy{queue, args, b}
	var all []string
	for _, text := range []string{q.expires(), q.ages(), q.overflows(), q.limits()} {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

// takesAway are the arguments that Losses speaks of.
var takesAway = []string{argExpires, argTTL, argMaxLength, argMaxBytes, argDeliveryLimit}

type lossy struct {
	queue string
	args  amqp.Table
	b     Broker
}

// anew is the only way to another argument.
const anew = "no policy lifts an argument: make the queue anew without "

func (q lossy) expires() string {
	v, ok := q.args[argExpires]
	if !ok {
		return ""
	}
	return fmt.Sprintf("queue %q takes logs away by itself (x-expires): the broker deletes it, with the messages in it, when it had no consumer for %s, and logpipe "+
		"that is stopped or cannot reach the broker is none; %sx-expires", q.queue, ms(v), anew)
}

func (q lossy) ages() string {
	v, ok := q.args[argTTL]
	if !ok {
		return ""
	}
	return fmt.Sprintf("queue %q takes logs away by itself (x-message-ttl): what has waited in it for %s is %s, also in an outage of what logpipe writes to; %sx-message-ttl",
		q.queue, ms(v), q.goes(), anew)
}

func (q lossy) overflows() string {
	var most []string
	for name, unit := range map[string]string{argMaxLength: "messages", argMaxBytes: "bytes"} {
		if v, ok := q.args[name]; ok {
			most = append(most, fmt.Sprintf("%v %s (%s)", v, unit, name))
		}
	}
	if text, _ := q.args[argOverflow].(string); len(most) == 0 || strings.HasPrefix(text, "reject-publish") {
		return "" // whoever publishes hears of it, and keeps the message
	}
	if len(most) == 2 && strings.HasSuffix(most[0], "bytes ("+argMaxBytes+")") {
		most[0], most[1] = most[1], most[0]
	}
	return fmt.Sprintf("queue %q takes logs away by itself (x-overflow = drop-head): when more than %s wait in it, the oldest is %s; with x-overflow = reject-publish the "+
		"broker would refuse new ones in its place, which their publishers can repeat; %sit, or with that", q.queue, strings.Join(most, " or "), q.goes(), anew)
}

// limits is about the delivery limit. Only quorum queues have one.
//
// RabbitMQ 4 has a default, 20, where neither argument nor policy says anything; -1 is none there.
// A 3.x broker has no default, and takes -1 for a limit below 0: it deletes at the first
// redelivery. https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling
func (q lossy) limits() string {
	if q.args[argType] != Quorum {
		return ""
	}
	v, ok := q.args[argDeliveryLimit]
	n, known := number(v)
	switch {
	case !ok && q.b.AtLeast(4):
		return fmt.Sprintf("queue %q has the broker's delivery limit (20 unless the broker is set otherwise): a message that was delivered that often, also by lost "+
			"connections, is %s; a policy lifts it: rabbitmqctl set_policy NAME '^%s$' '{\"delivery-limit\": -1}' --apply-to queues, beside what a policy of this queue says already",
			q.queue, q.goes(), regexp.QuoteMeta(q.queue))
	case !ok || known && n < 0 && q.b.AtLeast(4):
		return ""
	}
	text := fmt.Sprintf("queue %q has a delivery limit among its arguments (x-delivery-limit is %v): a message that was delivered that often, also by lost connections, is %s; "+
		"a policy can only lower such a limit: make the queue anew without x-delivery-limit", q.queue, v, q.goes())
	if q.b.AtLeast(4) {
		text += " or with -1"
	}
	if q.args[argDeadExchange] == nil {
		text += "; until then a policy with dead-letter-exchange and dead-letter-routing-key makes the broker keep what it would delete"
	}
	return text
}

// goes is what becomes of a message that the broker takes out of the queue.
func (q lossy) goes() string {
	if v, ok := q.args[argDeadExchange]; ok {
		return fmt.Sprintf("dead-lettered to exchange %q", fmt.Sprint(v))
	}
	return "deleted, unless a policy dead-letters it"
}

// ms is a number of milliseconds in words.
func ms(v any) string {
	if n, ok := number(v); ok {
		return (time.Duration(n) * time.Millisecond).String()
	}
	return fmt.Sprintf("%v ms", v)
}

func number(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case int32:
		return int64(n), true
	}
	return 0, false
}

func (u unknown) String() string { return u.begins + "…" }
