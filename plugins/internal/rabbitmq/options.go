package rabbitmq

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/engine"
)

// What may be declared.
const (
	DeclareAuto  = "auto"  // create what is missing
	DeclareNever = "never" // create nothing
)

// CheckOption is an error in the attribute unless value is one of those allowed.
func CheckOption(attr, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return engine.AttrErrorf(attr, "%q is not known: use %s", value, list(allowed))
}

// CheckNames is an error in the attribute unless AMQP can carry each of the names: the library ends the connection on a longer one.
func CheckNames(attr string, names ...string) error {
	for _, name := range names {
		if len(name) > MaxKey {
			return engine.AttrErrorf(attr, "a name of %d bytes is too long: AMQP can carry %d", len(name), MaxKey)
		}
	}
	return nil
}

// CheckArguments is an error in the attribute unless AMQP can carry each of the arguments.
func CheckArguments(attr string, args map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if err := CheckNames(attr, name); err != nil {
			return err
		}
		if text, ok := args[name].(string); ok && len(text) > maxArgument {
			return engine.AttrErrorf(attr, "%s has a text of %d bytes: an argument may have %d", name, len(text), maxArgument)
		}
	}
	return nil
}

// maxArgument is how long an argument may be: a declaration is one frame, which can have 128 KiB, and nothing that the broker knows is longer.
const maxArgument = 4096

// CheckQueueArguments is CheckArguments for a queue, some of whose arguments have an attribute of their own.
func CheckQueueArguments(attr string, args map[string]any) error {
	own := map[string]string{argType: "queue_type", argDeadExchange: "dead_letter_exchange", argDeadRoutingKey: "dead_letter_routing_key"}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if use := own[name]; use != "" {
			return engine.AttrErrorf(attr, "%s is said by %s: write it there", name, use)
		}
	}
	return CheckArguments(attr, args)
}

// CheckExchangeType is an error in the attribute unless kind may be the type of an exchange. The broker closes the whole connection when it
// does not know a type.
func CheckExchangeType(attr, kind string) error {
	known := []string{"direct", "fanout", "topic", "headers"}
	if strings.HasPrefix(kind, "x-") || slices.Contains(known, kind) {
		return nil
	}
	return engine.AttrErrorf(attr, "%q is no type of exchange: use %s, or one of a broker's plugin, which begin with x-", kind, list(known))
}

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// CheckDeadLetter returns what is wrong with the dead-letter arguments of a queue.
func CheckDeadLetter(queue, exchange, key string) error {
	var errs []error
	if (exchange == "") != (key == "") {
		errs = append(errs, engine.AttrErrorf("dead_letter_exchange", "dead_letter_exchange and dead_letter_routing_key belong together: "+
			"with only one of them the broker would drop what it dead-letters"))
	}
	if key != "" && key == queue {
		errs = append(errs, engine.AttrErrorf("dead_letter_routing_key", "the dead-letter queue is the queue itself: choose another name"))
	}
	return errors.Join(errs...)
}
