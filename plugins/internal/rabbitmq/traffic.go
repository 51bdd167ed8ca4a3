package rabbitmq

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Traffic is what a configuration says of the way of messages at a broker.
type Traffic struct {
	Server   *Server
	Reads    string // the queue that is read; empty is none
	Unnamed  bool   // the broker gives it another name
	Writes   *Route // where messages are published; nil is nowhere
	Bindings []Bound
}

// Route is where messages are published.
type Route struct {
	Exchange string
	Key      string
	Fixed    bool // else each message may have another key
}

// Bound is a binding that is declared.
type Bound struct {
	Exchange, Kind, Key, Queue string
	Parted                     bool // by arguments: some of the messages come through it, and which is not known
}

// DeadBinding is the binding that is declared beside a dead-letter exchange, see
// Declarer.DeadLettered.
func DeadBinding(exchange, key string) []Bound {
	if exchange == "" {
		return nil
	}
	return []Bound{{Exchange: exchange, Kind: "direct", Key: key, Queue: key}}
}

// trafficker is a configuration that knows its Traffic.
type trafficker interface{ Traffic() Traffic }

// Feeds reports whether what a configuration publishes comes to the queue that another one reads,
// by the bindings that any of all declares, and in words by which way. What nobody can know before
// the messages are there, it does not report.
func Feeds(out Traffic, in any, all []any) (way string, ok bool) {
	reader, is := in.(trafficker)
	if !is || out.Writes == nil {
		return "", false
	}
	r := reader.Traffic()
	if r.Reads == "" {
		return "", false
	}
	to := fmt.Sprintf("queue %q", r.Reads)
	if r.Unnamed {
		to = "a temporary queue"
	}
	// Names are compared before addresses, which have to be parsed: of some hundred pipelines every three configurations are asked.
	if out.Writes.Exchange == "" {
		return to, out.Writes.Fixed && out.Writes.Key == r.Reads && sameBroker(out.Server, r.Server)
	}
	for _, c := range all {
		other, is := c.(trafficker)
		if !is {
			continue
		}
		t := other.Traffic()
		if slices.ContainsFunc(t.Bindings, func(b Bound) bool { return b.Queue == r.Reads && b.passes(*out.Writes) }) &&
			sameBroker(out.Server, t.Server) && sameBroker(out.Server, r.Server) {
			return fmt.Sprintf("%s, by way of exchange %q", to, out.Writes.Exchange), true
		}
	}
	return "", false
}

// passes reports whether everything that is published so comes through the binding.
func (b Bound) passes(r Route) bool {
	switch {
	case b.Exchange != r.Exchange || b.Parted:
		return false
	case b.Kind == "fanout" || b.Kind == "headers":
		return true
	case b.Kind == "topic":
		return b.Key == "#" || r.Fixed && topicMatches(strings.Split(b.Key, "."), strings.Split(r.Key, "."))
	case b.Kind == "direct":
		return r.Fixed && b.Key == r.Key
	}
	return false
}

// topicMatches reports whether a key matches a pattern, both in words: * is one word, # are any
// number.
func topicMatches(pattern, key []string) bool {
	if len(pattern) == 0 {
		return len(key) == 0
	}
	if pattern[0] == "#" {
		for i := range len(key) + 1 {
			if topicMatches(pattern[1:], key[i:]) {
				return true
			}
		}
		return false
	}
	return len(key) > 0 && (pattern[0] == "*" || pattern[0] == key[0]) && topicMatches(pattern[1:], key[1:])
}

// sameBroker reports whether two configurations name one virtual host of a broker, as far as the
// names say it.
func sameBroker(a, b *Server) bool {
	one, err := a.endpoints()
	if err != nil {
		return false
	}
	other, err := b.endpoints()
	if err != nil {
		return false
	}
	for _, x := range one {
		for _, y := range other {
			if x.vhost == y.vhost && x.port == y.port && sameHost(x.host, y.host) {
				return true
			}
		}
	}
	return false
}

func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, ".")) || isLocal(a) && isLocal(b)
}

func isLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
