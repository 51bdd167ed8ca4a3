package linefile

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
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

// value undoes kinds.Value. It takes what encoding/json made of it, with numbers as they are written.
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

// text undoes kinds.String; a member that is not there is "".
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
		return "", errors.New("another kind of value where a text should be")
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
