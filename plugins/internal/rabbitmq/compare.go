package rabbitmq

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// question is a declaration of a queue that may be there already.
type question struct {
	queue      string
	durable    bool
	autoDelete bool
	args       amqp.Table
}

func (q question) ask(ch *amqp.Channel) error {
	_, err := ch.QueueDeclare(q.queue, q.durable, q.autoDelete, false, false, q.args)
	return err
}

// idle reports whether the question creates nothing, also if the queue vanishes in this moment: a
// quorum queue cannot be other than durable, nor be auto-delete.
func (q question) idle() bool { return !q.durable || q.autoDelete }

// takeOver changes the question to what the broker has, so that the next answer names the next
// difference. It returns false where that must not be done: a queue that vanishes in this moment
// would be created anew.
func (q *question) takeOver(d Difference) bool {
	switch d.Name {
	case argDurable:
		q.durable = false
	case argAutoDelete:
		q.autoDelete = true
	default:
		if d.cut || q.idle() && d.Name == argType {
			return false
		}
		return d.takeOver(q.args)
	}
	q.args[argType] = Quorum
	return true
}

// has are the arguments that the queue has, after all answers.
func (q question) has() amqp.Table {
	if q.idle() {
		q.args[argType] = Classic
	}
	return q.args
}

// compare declares the queue, and if it exists with other arguments, finds out which. The broker
// names only the first one that differs, so that one is taken over and the question asked again. It
// returns the arguments that the queue has, as far as they are known.
func (d *Declarer) compare(q Queue) ([]Difference, amqp.Table, error) {
	ask := question{queue: q.Name, durable: true, args: q.arguments(d.conn.Broker)}
	var diffs []Difference
	for {
		err := d.ask(ask.ask)
		if err == nil {
			return diffs, ask.has(), nil
		}
		diff, ok := differs(err)
		switch {
		case !ok && ask.idle():
			return diffs, ask.has(), nil // it has vanished, or nothing else differs
		case !ok:
			return diffs, ask.args, err
		case slices.ContainsFunc(diffs, func(d Difference) bool { return d.Name == diff.Name }):
			return diffs, ask.has(), nil // it was taken over and still differs: no use in asking on
		case diff.cut:
			d.search(ask, &diff)
		}
		if ask.idle() && diff.Name == argType {
			return diffs, ask.has(), nil
		}
		diffs = append(diffs, diff)
		if diff.cut {
			d.note("queue %q: what else differs from the configuration cannot be seen; the broker's answer has no room for it beside a name of this length", q.Name)
			ask.args[diff.Name] = unknown{diff.broker.text}
		}
		if !ask.takeOver(diff) {
			return diffs, ask.has(), nil
		}
	}
}

// search finds out what the broker has in the place of an argument, where its answer was cut before
// that: it asks with each value that there can be, until another difference is named, or none.
func (d *Declarer) search(ask question, diff *Difference) {
	diff.ours = ask.ours(diff.Name)
	switch diff.Name {
	case argDurable, argAutoDelete: // the other one of two
		diff.cut, diff.broker = false, is(map[string]string{"true": "false", "false": "true"}[diff.ours.text])
		return
	}
	if !strings.HasPrefix(diff.Name, "x-") {
		return
	}
	for _, there := range candidates(diff.Name) {
		if there == diff.ours || !strings.HasPrefix(there.text, diff.broker.text) {
			continue
		}
		if there.text == Stream {
			diff.cut, diff.broker = false, there
			return
		}
		tried := ask
		tried.args = maps.Clone(ask.args)
		(Difference{Name: diff.Name, broker: there}).takeOver(tried.args)
		err := d.ask(tried.ask)
		if other, ok := differs(err); err == nil || ok && other.Name != diff.Name {
			diff.cut, diff.broker = false, there
			return
		}
	}
}

// ours is what the question has for an argument or another property.
func (q question) ours(name string) value {
	switch name {
	case argDurable:
		return is(strconv.FormatBool(q.durable))
	case argAutoDelete:
		return is(strconv.FormatBool(q.autoDelete))
	}
	if v, ok := q.args[name]; ok {
		return is(fmt.Sprint(v))
	}
	return value{}
}

// candidates are values that the broker can have for an argument. What is left of them when all
// others were tried in vain stands last and is not tried: a declaration must never make a stream of
// a queue that vanishes in this moment.
func candidates(name string) []value {
	texts := map[string][]string{
		argType: {Classic, Quorum, Stream}, argDeadExchange: {""}, argOverflow: {"drop-head", "reject-publish", "reject-publish-dlx"},
		argSingleActive: {"true", "false"}, argDeliveryLimit: {"-1", "20"}, "x-queue-mode": {"lazy", "default"}, "x-queue-version": {"1", "2"},
		"x-dead-letter-strategy": {"at-most-once", "at-least-once"}, "x-queue-leader-locator": {"client-local", "balanced"},
		"x-queue-master-locator": {"client-local", "min-masters", "random"},
	}
	all := []value{{}}
	for _, text := range texts[name] {
		all = append(all, is(text))
	}
	return all
}
