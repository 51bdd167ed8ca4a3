package linefile

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine"
)

// meta is what was read back of a message's Meta.
type meta struct {
	id, key             string
	headers, properties map[string]any
}

func (m *meta) ID() string              { return m.id }
func (m *meta) RoutingKey() string      { return m.key }
func (m *meta) Headers() map[string]any { return m.headers }

// Properties is what some sources know beside that, such as a broker; outputs of that kind ask for it.
func (m *meta) Properties() map[string]any { return m.properties }

func appendMetas(dst []byte, b *engine.Batch) []byte {
	dst = append(dst, `,"meta":[`...)
	for i := range b.Messages {
		dst = comma(dst, i)
		m := b.Messages[i].Meta
		if m == nil {
			dst = append(dst, "null"...)
			continue
		}
		dst = append(dst, `{"id":`...)
		dst = appendText(dst, m.ID())
		dst = append(dst, `,"key":`...)
		dst = appendText(dst, m.RoutingKey())
		if headers := m.Headers(); headers != nil {
			dst = append(dst, `,"headers":`...)
			dst = appendMap(dst, headers, 0)
		}
		if more, ok := m.(interface{ Properties() map[string]any }); ok {
			if properties := more.Properties(); properties != nil {
				dst = append(dst, `,"properties":`...)
				dst = appendMap(dst, properties, 0)
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// deepest is how many tables and lists within each other are written as such; what is deeper is text. encoding/json does not read more
// than 10,000 levels, of which a table takes two, and one header that cannot be read would take its whole batch along.
const deepest = 1000

// appendValue writes a value of the kinds that engine.Meta names, so that value gives the same back.
func appendValue(dst []byte, v any, depth int) []byte {
	if depth >= deepest {
		return appendText(dst, fmt.Sprint(v))
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return tagged(dst, "u64", strconv.FormatUint(v, 10))
	case float64:
		return tagged(dst, "f64", strconv.FormatFloat(v, 'g', -1, 64))
	case string:
		return appendText(dst, v)
	case []byte:
		return tagged(dst, "b64", base64.StdEncoding.EncodeToString(v))
	case time.Time:
		return tagged(dst, "time", string(appendTime(nil, v)))
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			dst = comma(dst, i)
			dst = appendValue(dst, e, depth+1)
		}
		return append(dst, ']')
	case map[string]any:
		return appendMap(dst, v, depth+1)
	}
	return appendText(dst, fmt.Sprint(v)) // no kind that an input may give; better as text than not at all
}

func tagged(dst []byte, tag, text string) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, tag...)
	dst = append(dst, `":"`...)
	dst = append(dst, text...)
	return append(dst, `"}`...)
}

// appendMap sorts the names: a batch that is written twice gives the same line twice.
func appendMap(dst []byte, table map[string]any, depth int) []byte {
	names := slices.Sorted(maps.Keys(table))
	if slices.ContainsFunc(names, func(s string) bool { return !utf8.ValidString(s) }) {
		dst = append(dst, `{"pairs":[`...)
		for i, name := range names {
			dst = append(comma(dst, i), '[')
			dst = appendText(dst, name)
			dst = appendValue(append(dst, ','), table[name], depth)
			dst = append(dst, ']')
		}
		return append(dst, `]}`...)
	}
	dst = append(dst, `{"map":{`...)
	for i, name := range names {
		dst = appendText(comma(dst, i), name)
		dst = appendValue(append(dst, ':'), table[name], depth)
	}
	return append(dst, `}}`...)
}

// appendText writes s as a JSON string, or as base64 where JSON would change it.
func appendText(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return tagged(dst, "str64", base64.StdEncoding.EncodeToString([]byte(s)))
	}
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// value undoes appendValue. It takes what encoding/json made of it, with numbers as they are written.
func value(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		return strconv.ParseInt(v.String(), 10, 64)
	case []any:
		for i := range v {
			var err error
			if v[i], err = value(v[i]); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		if len(v) == 1 {
			for tag, content := range v {
				return untag(tag, content)
			}
		}
		return nil, fmt.Errorf("a value with %d members where one names its kind", len(v))
	}
	return v, nil
}

func untag(tag string, content any) (any, error) {
	switch c := content.(type) {
	case string:
		switch tag {
		case "u64":
			return strconv.ParseUint(c, 10, 64)
		case "f64":
			return strconv.ParseFloat(c, 64)
		case "b64":
			return base64.StdEncoding.DecodeString(c)
		case "str64":
			b, err := base64.StdEncoding.DecodeString(c)
			return string(b), err
		case "time":
			return parseTime(c)
		}
	case map[string]any:
		if tag == "map" {
			for name := range c {
				var err error
				if c[name], err = value(c[name]); err != nil {
					return nil, err
				}
			}
			return c, nil
		}
	case []any:
		if tag == "pairs" {
			return pairs(c)
		}
	}
	return nil, fmt.Errorf("a value of the unknown kind %q", tag)
}

func pairs(list []any) (any, error) {
	table := make(map[string]any, len(list))
	for _, e := range list {
		pair, ok := e.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("a header that is not a name and a value")
		}
		name, err := text(pair[0])
		if err != nil {
			return nil, err
		}
		if table[name], err = value(pair[1]); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// text undoes appendText; a member that is not there is "".
func text(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	u, err := value(v)
	if err != nil {
		return "", err
	}
	s, ok := u.(string)
	if !ok {
		return "", fmt.Errorf("%v where a text should be", u)
	}
	return s, nil
}

// parseTime undoes appendTime.
func parseTime(s string) (time.Time, error) {
	era, ok := strings.CutPrefix(s, "@")
	if !ok {
		t, err := time.Parse(time.RFC3339Nano, s)
		return t.UTC(), err
	}
	seconds, nanoseconds, _ := strings.Cut(era, ".")
	sec, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	nsec, err := strconv.ParseInt(nanoseconds, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(sec, nsec).UTC(), nil
}
