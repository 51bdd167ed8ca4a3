package condition

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/vm"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

var errNoObject = errors.New("the condition has no answer: the message is not a JSON object, and the condition asks for fields")

// state is what one answer needs. It is used for one message after another, by one goroutine at a time.
type state struct {
	slots  *slots
	fields *jsonscan.Places
	env    map[string]any
	vm     vm.VM
	buf    []byte

	// What was made last of values that come again and again, such as levels and codes: to box one is an allocation.
	texts   [64]any
	numbers [64]any
}

func newState(s *slots) *state {
	return &state{slots: s, fields: jsonscan.NewPlaces(s.paths...), env: make(map[string]any, len(s.list)), vm: vm.VM{MemoryBudget: memoryBudget}}
}

// load fills in what the condition reads of m.
func (s *state) load(m *engine.Message) error {
	var places []jsonscan.Place
	if len(s.slots.paths) > 0 {
		var object bool
		if places, object = s.fields.Find(m.Body); !object {
			return errNoObject
		}
	}
	for i := range s.slots.list {
		n := &s.slots.list[i]
		switch n.kind {
		case slotField:
			at := places[n.at]
			v, err := s.value(m.Body[at.Start:at.End])
			if err != nil {
				return fmt.Errorf("the condition has no answer: field %s: %w", n.path, err)
			}
			s.env[n.name] = v
		case slotHas:
			s.env[n.name] = places[n.at].End > 0
		default:
			s.env[n.name] = s.attribute(m, n)
		}
	}
	return nil
}

// attribute is what m has beside the fields of its record.
func (s *state) attribute(m *engine.Message, n *slot) any {
	switch n.kind {
	case slotBody:
		return string(m.Body[jsonscan.Mark(m.Body):])
	case slotSize:
		return len(m.Body)
	case slotTime:
		return m.Time.UTC() // the answer must not depend on the zone of the machine
	}
	if m.Meta == nil {
		if n.kind == slotHeader {
			return nil
		}
		return zero[n.kind]
	}
	switch n.kind {
	case slotID:
		return m.Meta.ID()
	case slotRoutingKey:
		return textOf(s, m.Meta.RoutingKey())
	case slotHeader:
		return plain(m.Meta.Headers()[n.path])
	}
	return plainMap(m.Meta.Headers())
}

// value is a value of JSON as the language knows it; nil for one that is not there.
func (s *state) value(raw []byte) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	switch raw[0] {
	case '"':
		text := jsonscan.Unquote(s.buf, raw)
		if len(text) < len(raw)-2 { // it had escapes, so it was written into buf
			s.buf = text
		}
		return textOf(s, text), nil
	case 't':
		return true, nil
	case 'f':
		return false, nil
	case 'n':
		return nil, nil
	case '{', '[':
		return decode(raw)
	}
	return s.number(string(raw)), nil
}

// textOf boxes a text, the one that it boxed before if it can.
func textOf[T string | []byte](s *state, text T) any {
	if len(text) == 0 || len(text) > 32 {
		return string(text)
	}
	kept := &s.texts[(len(text)*7+int(text[0])*31+int(text[len(text)-1])*5+int(text[len(text)/2]))%len(s.texts)]
	if last, is := (*kept).(string); is && last == string(text) {
		return *kept
	}
	*kept = string(text)
	return *kept
}

// number boxes a number.
func (s *state) number(text string) any {
	v := numberOf(text)
	n, is := v.(int)
	if !is {
		return v
	}
	kept := &s.numbers[uint(n)%uint(len(s.numbers))]
	if last, is := (*kept).(int); !is || last != n {
		*kept = v
	}
	return *kept
}

// numberOf is an int as far as it reaches, for which comparisons are exact, else a float64.
func numberOf(text string) any {
	if !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	f, _ := strconv.ParseFloat(text, 64) // one that is too large is infinite, which is larger than all others
	return f
}

// decode decodes an array or an object.
func decode(raw []byte) (any, error) {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return plain(v), nil
}

// plain brings values of JSON and of headers to the types that the language compares rightly.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return numberOf(string(v))
	case int64:
		return fitting(v)
	case uint64:
		if n := int(v); n >= 0 && uint64(n) == v {
			return n
		}
		return float64(v)
	case []byte:
		return string(v)
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = plain(v[i])
		}
		return all
	case map[string]any:
		return plainMap(v)
	}
	return v
}

func fitting(v int64) any {
	if n := int(v); int64(n) == v {
		return n
	}
	return float64(v)
}

func plainMap(m map[string]any) map[string]any {
	made := make(map[string]any, len(m))
	for k, v := range m {
		made[k] = plain(v)
	}
	return made
}
