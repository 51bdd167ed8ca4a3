package linefile

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/jsonappend"
)

// kinds is how a header writes values: so that value gives the same back, of the same kind.
var kinds = jsonappend.Form{
	Uint: func(dst []byte, v uint64) []byte { return endTag(strconv.AppendUint(tag(dst, "u64"), v, 10)) },
	Float: func(dst []byte, v float64) []byte {
		return endTag(strconv.AppendFloat(tag(dst, "f64"), v, 'g', -1, 64))
	},
	Bytes: func(dst []byte, v []byte) []byte { return endTag(base64.StdEncoding.AppendEncode(tag(dst, "b64"), v)) },
	Text: func(dst []byte, v string) []byte {
		return endTag(base64.StdEncoding.AppendEncode(tag(dst, "str64"), []byte(v)))
	},
	Time:  func(dst []byte, v time.Time) []byte { return endTag(appendTime(tag(dst, "time"), v)) },
	Table: [2]string{`{"map":{`, `}}`},
	Pairs: [2]string{`{"pairs":[`, `]}`},
}

// tag begins a value whose kind has to be said, up to its text.
func tag(dst []byte, kind string) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, kind...)
	return append(dst, `":"`...)
}

func endTag(dst []byte) []byte { return append(dst, `"}`...) }

func appendMetas(dst []byte, b *engine.Batch) []byte {
	dst = append(dst, `,"meta":[`...)
	for i := range b.Messages {
		dst = jsonappend.Comma(dst, i)
		m := b.Messages[i].Meta
		if m == nil {
			dst = append(dst, "null"...)
			continue
		}
		dst = append(dst, `{"id":`...)
		dst = kinds.String(dst, m.ID())
		dst = append(dst, `,"key":`...)
		dst = kinds.String(dst, m.RoutingKey())
		if headers := m.Headers(); headers != nil {
			dst = append(dst, `,"headers":`...)
			dst = kinds.Members(dst, headers)
		}
		if more, ok := m.(interface{ Properties() map[string]any }); ok {
			if properties := more.Properties(); properties != nil {
				dst = append(dst, `,"properties":`...)
				dst = kinds.Members(dst, properties)
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendLengths(dst []byte, b *engine.Batch) []byte {
	dst = append(dst, `,"lengths":[`...)
	for i := range b.Messages {
		dst = jsonappend.Comma(dst, i)
		dst = strconv.AppendInt(dst, int64(len(b.Messages[i].Body)), 10)
	}
	return append(dst, ']')
}

func appendTimes(dst []byte, b *engine.Batch) []byte {
	dst = append(dst, `,"times":[`...)
	for i := range b.Messages {
		dst = jsonappend.Comma(dst, i)
		t := b.Messages[i].Time
		after := t.Sub(b.Time)
		if after == math.MaxInt64 || after == math.MinInt64 { // farther than a Duration can say
			dst = append(dst, '"')
			dst = appendTime(dst, t)
			dst = append(dst, '"')
			continue
		}
		dst = strconv.AppendInt(dst, int64(after), 10)
	}
	return append(dst, ']')
}

// appendTime writes any time so that it is read back equal. Years beyond four digits come from applications that mix up
// seconds and milliseconds, and must not keep a batch from being stored.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	if year := t.Year(); year >= 0 && year <= 9999 {
		return t.AppendFormat(dst, time.RFC3339Nano)
	}
	dst = append(dst, '@')
	dst = strconv.AppendInt(dst, t.Unix(), 10)
	dst = append(dst, '.')
	return strconv.AppendInt(dst, int64(t.Nanosecond()), 10)
}
