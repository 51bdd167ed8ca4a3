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
	ours   value
	broker value
	cut    bool // the broker's answer ended before its value did: broker is the beginning of it, as far as it is known
}

// value is that of an argument, as the broker writes it.
type value struct {
	text string
	set  bool // an argument can be there and empty, as the name of the default exchange is
}

func is(text string) value { return value{text, true} }

func (v value) String() string {
	if !v.set {
		return "not set"
	}
	return fmt.Sprintf("%q", v.text)
}

// inequivalent is how RabbitMQ refuses to declare something that exists and is different:
//
//	inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none
//	inequivalent arg 'durable' for exchange 'dlx' in vhost '/': received 'true' but current is 'false'
//
// AMQP has room for 255 bytes of it, so with long names only the beginning comes, with "..." in the
// place of the rest. The name of the argument is always there, and the argument is what counts.
var inequivalent = regexp.MustCompile(`inequivalent arg '([^']*)' for `)

// values are what stands behind it, and begins what is left of them when the broker's value was
// cut.
var (
	values = regexp.MustCompile(`(?s)' in vhost '.*': ` +
		`received (none|(?:the value )?'.*'(?: of type '\w+')?) but current is (none|(?:the value )?'.*'(?: of type '\w+')?)$`)
	begins = regexp.MustCompile(`(?s)' in vhost '.*': received .* but current is (?:the value )?'([^']*)$`)
)

var quoted = regexp.MustCompile(`(?s)^(?:the value )?'(.*?)'(?: of type '\w+')?$`)

func parseDifference(text string) (Difference, bool) {
	m := inequivalent.FindStringSubmatch(text)
	if m == nil {
		return Difference{}, false
	}
	if v := values.FindStringSubmatch(text); v != nil {
		return Difference{Name: m[1], ours: valueOf(v[1]), broker: valueOf(v[2])}, true
	}
	d := Difference{Name: m[1], cut: true}
	if v := begins.FindStringSubmatch(strings.TrimSuffix(text, "...")); v != nil {
		d.broker = is(v[1])
	}
	return d, true
}

func valueOf(text string) value {
	if m := quoted.FindStringSubmatch(text); m != nil {
		return is(m[1])
	}
	return value{}
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
	there := d.broker
	if d.Name == argType && !there.set {
		there = is(Classic) // brokers before 4.0 keep nothing of the usual type
	}
	if d.cut && there.text == "" {
		return fmt.Sprintf("%s is something else there and %v in the configuration", d.Name, d.ours)
	}
	if d.cut {
		there.text += "…"
	}
	return fmt.Sprintf("%s is %v there and %v in the configuration", d.Name, there, d.ours)
}

// takeOver changes args to what the broker has, so that the next question finds the next difference. It returns false
// where that must not be done: a queue that vanishes in this moment would be created anew, and not durable.
func (d Difference) takeOver(args amqp.Table) bool {
	switch {
	case !strings.HasPrefix(d.Name, "x-"):
		return false
	case !d.broker.set:
		delete(args, d.Name)
	default:
		args[d.Name] = typed(d.Name, d.broker.text)
	}
	return true
}

// typed writes an argument's value as the broker compares it: numbers as numbers, everything else that there is as text.
func typed(name, text string) any {
	switch name {
	case argType, argDeadExchange, argDeadRoutingKey:
		return text // may look like a number
	case argSingleActive:
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
		switch {
		case d.Name == argDeadExchange && !d.broker.set && !d.cut:
			advice += "; a policy (dead-letter-exchange, dead-letter-routing-key) can set this without a new queue"
		case d.Name == argDurable:
			advice += "; what is not durable is gone when the broker restarts"
		}
	}
	return strings.Join(texts, ", ") + advice
}
