package addfields

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// appendValue appends the value of the field for m, in JSON. It is false when m does not have it; dst is longer then nevertheless.
func (f *field) appendValue(dst []byte, m *engine.Message) ([]byte, bool) {
	switch {
	case f.constant != nil:
		return append(dst, f.constant...), true
	case f.from == fromTime:
		return appendTime(dst, m.Time), !m.Time.IsZero()
	case m.Meta == nil:
		return dst, false
	case f.from == fromID:
		id := m.Meta.ID()
		return appendText(dst, id), id != ""
	case f.from == fromRoutingKey:
		key := m.Meta.RoutingKey()
		return appendText(dst, key), key != ""
	}
	v, there := m.Meta.Headers()[f.from[len(fromHeader):]]
	if !there {
		return dst, false
	}
	return appendAny(dst, v), true
}

func appendTime(dst []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
}

// appendAny appends the value of a header; see engine.Meta for what it may be.
func appendAny(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return appendText(dst, v)
	case []byte:
		return appendText(dst, string(v))
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case time.Time:
		return appendTime(dst, v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) { // JSON has no number for it
			return appendText(dst, strconv.FormatFloat(v, 'g', -1, 64))
		}
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
	text, err := encode(v)
	if err != nil {
		return appendText(dst, fmt.Sprint(v))
	}
	return append(dst, text...)
}

// appendText appends a text as a JSON string.
func appendText(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			quoted, _ := encode(text) // a text has always one
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
