package addfields

import (
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/jsonappend"
)

// appendValue appends the value of the field for m, in JSON. It is false when m does not have it; dst is longer then nevertheless.
func (f *field) appendValue(dst []byte, m *engine.Message) ([]byte, bool) {
	switch {
	case f.constant != nil:
		return append(dst, f.constant...), true
	case f.from == fromTime:
		return jsonappend.Time(dst, m.Time), !m.Time.IsZero()
	case m.Meta == nil:
		return dst, false
	case f.from == fromID:
		id := m.Meta.ID()
		return jsonappend.Text(dst, id), id != ""
	case f.from == fromRoutingKey:
		key := m.Meta.RoutingKey()
		return jsonappend.Text(dst, key), key != ""
	}
	v, there := m.Meta.Headers()[f.from[len(fromHeader):]]
	if !there {
		return dst, false
	}
	return jsonappend.Plain.Value(dst, v), true
}
