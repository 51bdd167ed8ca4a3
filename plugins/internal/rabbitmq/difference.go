package rabbitmq

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Difference is one property of a queue or an exchange that is not as the configuration has it.
type Difference struct {
	Name   string // as the broker calls it, such as x-queue-type or durable
	ours   string // "" is none
	broker string // "" is none
}

// inequivalent is how RabbitMQ refuses to declare something that exists and is different:
//
//	inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none
//	inequivalent arg 'durable' for exchange 'dlx' in vhost '/': received 'true' but current is 'false'
var inequivalent = regexp.MustCompile(`(?s)inequivalent arg '([^']*)' for \w+ '.*' in vhost '.*': ` +
	`received (none|(?:the value )?'.*'(?: of type '\w+')?) but current is (none|(?:the value )?'.*'(?: of type '\w+')?)$`)

var quoted = regexp.MustCompile(`(?s)^(?:the value )?'(.*?)'(?: of type '\w+')?$`)

func parseDifference(text string) (Difference, bool) {
	m := inequivalent.FindStringSubmatch(text)
	if m == nil {
		return Difference{}, false
	}
	return Difference{Name: m[1], ours: value(m[2]), broker: value(m[3])}, true
}

func value(text string) string {
	if m := quoted.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// differs reports whether err is the broker's refusal of something that exists and is different.
func differs(err error) (Difference, bool) {
	var refused *amqp.Error
	if !errors.As(err, &refused) || !refused.Server || refused.Code != amqp.PreconditionFailed {
		return Difference{}, false
	}
	return parseDifference(refused.Reason)
}

// String says what the configuration has and what the broker has.
func (d Difference) String() string {
	return fmt.Sprintf("%s is %s there and %s in the configuration", d.Name, orNone(d.broker), orNone(d.ours))
}

func orNone(s string) string {
	if s == "" {
		return "not set"
	}
	return fmt.Sprintf("%q", s)
}

// takeOver changes args to what the broker has, so that the next question finds the next difference. It returns false
// where that must not be done: a queue that vanishes in this moment would be created anew, and not durable.
func (d Difference) takeOver(args amqp.Table) bool {
	if !strings.HasPrefix(d.Name, "x-") {
		return false
	}
	if d.broker == "" {
		delete(args, d.Name)
	} else {
		args[d.Name] = typed(d.Name, d.broker)
	}
	return true
}

// typed writes an argument's value as the broker compares it: numbers as numbers, everything else that there is as text.
func typed(name, text string) any {
	switch name {
	case argType, argDeadExchange, argDeadRoutingKey:
		return text // may look like a number
	case "x-single-active-consumer":
		return text == "true"
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return text
}

// describe lists the differences in one line, with what follows from them.
func describe(diffs []Difference) string {
	texts := make([]string, len(diffs))
	advice := ""
	for i, d := range diffs {
		texts[i] = d.String()
		switch d.Name {
		case argDeliveryLimit:
			if d.broker == "" {
				texts[i] = "it has the broker's delivery limit (20 unless the broker is set otherwise)"
			}
			advice += "; messages that were delivered that often, also by lost connections, are deleted or dead-lettered by the broker: " +
				"lift it with a policy (delivery-limit)"
		case argDeadExchange:
			advice += "; a policy (dead-letter-exchange, dead-letter-routing-key) can change this without a new queue"
		case "durable":
			advice += "; what is not durable is gone when the broker restarts"
		}
	}
	return strings.Join(texts, ", ") + advice
}
