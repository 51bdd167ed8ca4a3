package http

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
)

const partitionPrefix = "batch.partition."

// probe is a batch that has value wherever the template can look.
func probe(t engine.Template, value string, at time.Time) *engine.Batch {
	var names, values []string
	for _, ref := range t.Refs() {
		if name, ok := strings.CutPrefix(ref, partitionPrefix); ok {
			names, values = append(names, name), append(values, value)
		}
	}
	return &engine.Batch{ID: value, Time: at, Partition: engine.JoinPartition(names, values)}
}

// target is the URL of a batch. Values of messages may be part of it. The template makes each of them one step of a path; what means
// something in a URL beyond that is escaped here, so that no message can change what the rest of the URL means. Such a value is escaped twice,
// because the template escapes the escape.
func (o *output) target(b *engine.Batch) (string, error) {
	text, err := o.cfg.URL.Render(b)
	if err != nil {
		return "", fmt.Errorf("render url %s: %w", o.cfg.URL, err)
	}
	if b.Partition == "" || !o.partitioned {
		return odd(text), nil
	}
	plain, err := o.cfg.URL.Render(probe(o.cfg.URL, "x", b.Time))
	if err != nil {
		return "", fmt.Errorf("render url %s: %w", o.cfg.URL, err)
	}
	if meaning(text) == meaning(plain) {
		return odd(text), nil
	}
	escaped := *b // for the template alone: it has no messages
	escaped.Messages, escaped.Reasons = nil, nil
	var names, values []string
	for name, value := range engine.PartitionFields(b.Partition) {
		names, values = append(names, name), append(values, strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	}
	escaped.Partition = engine.JoinPartition(names, values)
	if text, err = o.cfg.URL.Render(&escaped); err != nil {
		return "", fmt.Errorf("render url %s: %w", o.cfg.URL, err)
	}
	return odd(text), nil
}

// special are the characters that a value must not bring into a URL.
const special = "?#&=;+"

// meaning is what a URL has of these, in their order.
func meaning(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(special, r) {
			return r
		}
		return -1
	}, text)
}

// odd escapes the bytes that a URL cannot have.
func odd(text string) string {
	var s strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&s, "%%%02X", c)
		} else {
			s.WriteByte(c)
		}
	}
	return s.String()
}

// where is a URL without what may be a secret in it.
func where(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "the server"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}
