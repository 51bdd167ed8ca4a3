package encode

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine"
)

// Append writes one message to dst, with the line feed, and returns the longer slice. In format lines that is the body
// as it is. In format envelope it is a JSON object with these members, in this order:
//
//	time         RFC 3339 in UTC, to the nanosecond
//	id           the producer's id, left out when it gave none
//	routing_key  left out when there is none
//	headers      an object, its members sorted; left out when there are none. A time is RFC 3339, a number that JSON
//	             lacks is "NaN", "+Inf" or "-Inf", bytes and text that is not UTF-8 are {"base64": "…"}
//	reason       why it is a dead letter; left out elsewhere
//	body         the body as a JSON string, if it is UTF-8; else
//	body_base64  the body in standard base64
//
// Invalid UTF-8 in id, routing_key, reason and the names of headers becomes U+FFFD.
func (f Format) Append(dst []byte, m *engine.Message, reason error) []byte {
	if f == Lines {
		dst = append(dst, m.Body...)
		return append(dst, '\n')
	}
	dst = appendHead(dst, m, reason)
	how := bodyOf(m.Body)
	dst = append(dst, how.begin...)
	dst = how.append(dst, m.Body)
	return append(dst, how.end...)
}

// appendHead writes all members but the body.
func appendHead(dst []byte, m *engine.Message, reason error) []byte {
	dst = append(dst, `{"time":"`...)
	dst = m.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	if m.Meta != nil {
		dst = appendMeta(dst, m.Meta)
	}
	if reason != nil {
		dst = append(dst, `,"reason":`...)
		dst = appendText(dst, reason.Error())
	}
	return dst
}

// bodyForm is how a body becomes the last member of an envelope. append may be called for parts of a body in turn, each but the last of
// bodyPart bytes.
type bodyForm struct {
	begin, end string
	append     func(dst, body []byte) []byte
}

// bodyPart is a multiple of 3, so that base64 of the parts is base64 of the whole.
const bodyPart = 48 << 10

var (
	textBody   = bodyForm{`,"body":"`, "\"}\n", appendEscaped[[]byte]}
	binaryBody = bodyForm{`,"body_base64":"`, "\"}\n", base64.StdEncoding.AppendEncode}
)

func bodyOf(body []byte) *bodyForm {
	if utf8.Valid(body) {
		return &textBody
	}
	return &binaryBody
}

func appendMeta(dst []byte, meta engine.Meta) []byte {
	if id := meta.ID(); id != "" {
		dst = append(dst, `,"id":`...)
		dst = appendText(dst, id)
	}
	if key := meta.RoutingKey(); key != "" {
		dst = append(dst, `,"routing_key":`...)
		dst = appendText(dst, key)
	}
	if headers := meta.Headers(); len(headers) > 0 {
		dst = append(dst, `,"headers":`...)
		dst = appendTable(dst, headers)
	}
	return dst
}

// AppendTable writes a table of the kinds that engine.Meta names as the member headers of an envelope has it: see [Format.Append].
func AppendTable(dst []byte, table map[string]any) []byte { return appendTable(dst, table) }

// appendTable sorts the members, because the order of a map would make two different objects of one batch.
func appendTable(dst []byte, table map[string]any) []byte {
	var room [16]string
	names := room[:0]
	for name := range table {
		names = append(names, name)
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, name)
		dst = append(dst, ':')
		dst = appendValue(dst, table[name])
	}
	return append(dst, '}')
}

// appendValue writes one value of the kinds that engine.Meta names.
func appendValue(dst []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case float64:
		return appendFloat(dst, v)
	case string:
		if !utf8.ValidString(v) {
			return appendBytes(dst, []byte(v))
		}
		return appendString(dst, v)
	case []byte:
		return appendBytes(dst, v)
	case time.Time:
		return appendString(dst, v.UTC().Format(time.RFC3339Nano))
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, element)
		}
		return append(dst, ']')
	case map[string]any:
		return appendTable(dst, v)
	}
	return appendText(dst, fmt.Sprint(value))
}

func appendFloat(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		dst = append(dst, '"')
		dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
		return append(dst, '"')
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

func appendBytes(dst, value []byte) []byte {
	dst = append(dst, `{"base64":`...)
	dst = appendBase64(dst, value)
	return append(dst, '}')
}

func appendBase64(dst, value []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, value)
	return append(dst, '"')
}

const hexDigits = "0123456789abcdef"

// appendText writes s as a JSON string, whatever bytes it has.
func appendText(dst []byte, s string) []byte {
	return appendString(dst, strings.ToValidUTF8(s, "\ufffd"))
}

// appendString writes s, which is UTF-8, as a JSON string with no more escapes than JSON asks for.
func appendString[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s)
	return append(dst, '"')
}

// appendEscaped writes what stands between the quotes. JSON in JSON has a quote every few bytes: the backslash is written always and kept
// where it is due, because guessing where costs more.
func appendEscaped[S string | []byte](dst []byte, s S) []byte {
	dst = slices.Grow(dst, len(s)+len(s)/4+8)
	n := len(dst)
	dst = dst[:cap(dst)]
	for i := 0; i < len(s); i++ {
		if len(dst)-n < 8 { // the longest escape
			dst = slices.Grow(dst[:n], len(s)-i+8)
			dst = dst[:cap(dst)]
		}
		c := s[i]
		if c < ' ' {
			n += putControl(dst[n:], c)
			continue
		}
		dst[n] = '\\'
		n += int(backslash[c])
		dst[n] = c
		n++
	}
	return dst[:n]
}

// backslash is 1 for the bytes that have one in front of them.
var backslash = [256]uint8{'"': 1, '\\': 1}

// putControl writes the escape of a control character and returns its length, at most 6.
func putControl(dst []byte, c byte) int {
	switch c {
	case '\n':
		return copy(dst, `\n`)
	case '\r':
		return copy(dst, `\r`)
	case '\t':
		return copy(dst, `\t`)
	}
	n := copy(dst, `\u00`)
	dst[n], dst[n+1] = hexDigits[c>>4], hexDigits[c&15]
	return n + 2
}
