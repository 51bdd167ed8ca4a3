package interop

import (
	"math/big"
	"strconv"
	"strings"
)

// note is a header with which somebody else uses the names that logpipe keeps for itself.
const note = "x-logpipe-note"

// A place is a way through logpipe that ends in queues.
type place struct {
	name string
	// unpacks is for a place that has the text of a body that came packed; where it is not set, the body is there as it came.
	unpacks bool
	// change makes of a message that was sent what shall come out, as the documents say.
	change func(sent *incoming)
	// strip takes off what the place adds, and reports what it should have added and did not.
	strip func(sent, came *incoming) (missing []string)
}

var places = []place{
	{name: "copy", unpacks: true, change: disarmed, strip: published1},
	{name: "dead", change: disarmed, strip: explained},
	{name: "home", unpacks: true, change: disarmed, strip: published1},
	{name: "redriven", change: redriven, strip: redrivenOnce},
}

// disarmed is a message without what would act when it is published again; a header says what it was. The property cluster-id has no meaning
// any more and is not kept, and an integer of the type L becomes one of the type l, as RabbitMQ 4 itself does it.
func disarmed(m *incoming) {
	delete(m.Properties, "cluster_id")
	for name, v := range m.Headers {
		m.Headers[name] = longs(v)
	}
	delete(m.Properties, "expiration")
	delete(m.Properties, "user_id")
	for _, name := range []string{"CC", "BCC"} {
		if v, ok := m.Headers[name]; ok {
			m.Headers["x-logpipe-original-"+strings.ToLower(name)] = v
			delete(m.Headers, name)
		}
	}
}

// published1 is for what logpipe publishes: durable, with an id and a time.
func published1(sent, came *incoming) (missing []string) {
	for _, name := range []string{"message_id", "timestamp"} {
		if empty(sent.Properties[name]) && name == "message_id" || sent.Properties[name] == nil {
			if came.Properties[name] == nil {
				missing = append(missing, "property "+name)
			}
			delete(came.Properties, name)
		}
	}
	if mode := plain(came.Properties["delivery_mode"]); !strings.Contains(mode, "2") && !strings.Contains(mode, "PERSISTENT") {
		missing = append(missing, "delivery mode 2, and not "+mode)
	}
	for _, name := range []string{"expiration", "user_id"} {
		header := "x-logpipe-original-" + strings.ReplaceAll(name, "_", "-")
		if was := sent.Properties[name]; !empty(was) {
			if now := came.Headers[header]; now == nil || !sameText(was, now) {
				missing = append(missing, "header "+header)
			}
			delete(came.Headers, header)
		}
	}
	return missing
}

func explained(sent, came *incoming) (missing []string) {
	missing = published1(sent, came)
	for _, name := range []string{"reason", "error", "pipeline", "host", "version", "first-failed-at", "queue", "exchange", "routing-key"} {
		if came.Headers["x-logpipe-"+name] == nil {
			missing = append(missing, "header x-logpipe-"+name)
		}
		delete(came.Headers, "x-logpipe-"+name)
	}
	return missing
}

// redriven is a message without what tells of failures, the broker's too.
func redriven(m *incoming) {
	disarmed(m)
	for name := range m.Headers {
		if name == note || name == "x-death" || name == "x-delivery-count" || strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-") {
			delete(m.Headers, name)
		}
	}
}

func redrivenOnce(sent, came *incoming) (missing []string) {
	missing = published1(sent, came)
	for _, name := range []string{"first-failed-at", "redriven"} {
		if came.Headers["x-logpipe-"+name] == nil {
			missing = append(missing, "header x-logpipe-"+name)
		}
		delete(came.Headers, "x-logpipe-"+name)
	}
	return missing
}

// plainProperties takes away what is the same in the protocol: a text that is empty and one that is not there, no priority and a priority of
// 0. How long the broker keeps a message is not the question here.
func plainProperties(m *incoming) {
	for name, v := range m.Properties {
		if empty(v) || name == "priority" && plain(v) == "0" || name == "delivery_mode" {
			delete(m.Properties, name)
		}
	}
}

// plain is the value of a property or header without its type.
func plain(v any) string {
	pair, ok := v.([]any)
	if !ok || len(pair) != 2 {
		return ""
	}
	switch v := pair[1].(type) {
	case string:
		return v
	default:
		return text(v)
	}
}

// longs makes l of each L.
func longs(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 2 && v[0] == "L" {
			if s, ok := v[1].(string); ok {
				n, _ := strconv.ParseUint(s, 10, 64)
				return []any{"l", strconv.FormatInt(int64(n), 10)}
			}
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = longs(v[i])
		}
		return list
	case map[string]any:
		table := map[string]any{}
		for name, e := range v {
			table[name] = longs(e)
		}
		return table
	}
	return v
}

func empty(v any) bool { return plain(v) == "" }

// sameText compares a property with a header that tells of it; aio-pika makes seconds of an expiration.
func sameText(was, now any) bool {
	return plain(was) == plain(now) || number(plain(was)) != nil && number(plain(now)) != nil
}

func number(s string) *big.Rat {
	if s == "" || len(s) > 400 || strings.ContainsAny(s, "/_xX") {
		return nil
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return n
}
