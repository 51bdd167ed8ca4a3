package dlq

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Match chooses messages. The zero value chooses all.
type Match []condition

// condition is one FIELD=VALUE or FIELD~REGEXP.
type condition struct {
	field  string
	header string // with field header
	want   string
	like   *regexp.Regexp // nil: the field must be want
}

// Fields are the fields that a Match knows. "header" stands for header.NAME.
var Fields = []string{"reason", "error", "pipeline", "queue", "exchange", "key", "id", "body", "header"}

// ParseMatch reads conditions that must all hold: FIELD=VALUE, or FIELD~REGEXP, where a part of the field must match.
func ParseMatch(conditions []string) (Match, error) {
	var m Match
	for _, text := range conditions {
		c, err := parseCondition(text)
		if err != nil {
			return nil, err
		}
		m = append(m, c)
	}
	return m, nil
}

func parseCondition(text string) (c condition, err error) {
	i := strings.IndexAny(text, "=~")
	if i < 0 {
		return c, fmt.Errorf("%q is no condition: write FIELD=VALUE, or FIELD~REGEXP for a part of the field", text)
	}
	c.field, c.want = text[:i], text[i+1:]
	if c.field, c.header, _ = strings.Cut(c.field, "."); !slices.Contains(Fields, c.field) || (c.field == "header") != (c.header != "") {
		return c, fmt.Errorf("there is no field %q: use reason, error, pipeline, queue, exchange, key, id, body or header.NAME", text[:i])
	}
	if text[i] == '~' {
		if c.like, err = regexp.Compile(c.want); err != nil {
			return c, fmt.Errorf("%q: %w", text, err)
		}
	}
	return c, nil
}

// Has reports whether all conditions hold. What a message does not have is empty.
func (m Match) Has(l *Letter) bool {
	for i := range m {
		if !m[i].holds(l) {
			return false
		}
	}
	return true
}

func (c *condition) holds(l *Letter) bool {
	if c.field == "body" { // no copy of what may be large
		if c.like != nil {
			return c.like.Match(l.Body)
		}
		return string(l.Body) == c.want
	}
	value := c.value(l)
	if c.like != nil {
		return c.like.MatchString(value)
	}
	return value == c.want
}

func (c *condition) value(l *Letter) string {
	switch c.field {
	case "reason":
		return l.Reason
	case "error":
		return l.Error
	case "pipeline":
		return l.Pipeline
	case "queue":
		return l.Queue
	case "exchange":
		return l.Exchange
	case "key":
		return l.RoutingKey
	case "id":
		return l.ID
	}
	switch v := l.delivery.Headers[c.header].(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	default:
		return fmt.Sprint(v)
	}
}
