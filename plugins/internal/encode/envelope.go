package encode

import (
	"encoding/base64"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/jsonappend"
)

// Append writes one message to dst, with the line feed, and returns the longer slice. In format lines that is the body
// as it is. In format envelope it is a JSON object with these members, in this order:
//
//	time         RFC 3339 in UTC, to the nanosecond
//	id           the producer's id, left out when it gave none
//	routing_key  left out when there is none
//	headers      an object, its members sorted; left out when there are none. A time is RFC 3339, a number that JSON
//	             lacks is "NaN", "+Inf" or "-Inf", bytes and text that is not UTF-8 are {"base64": "…"}, and what stands
//	             within 1000 tables and lists is text
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
	dst = append(dst, `{"time":`...)
	dst = jsonappend.Time(dst, m.Time)
	if m.Meta != nil {
		dst = appendMeta(dst, m.Meta)
	}
	if reason != nil {
		dst = append(dst, `,"reason":`...)
		dst = jsonappend.Text(dst, reason.Error())
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
	textBody   = bodyForm{`,"body":"`, "\"}\n", jsonappend.Escaped[[]byte]}
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
		dst = jsonappend.Text(dst, id)
	}
	if key := meta.RoutingKey(); key != "" {
		dst = append(dst, `,"routing_key":`...)
		dst = jsonappend.Text(dst, key)
	}
	if headers := meta.Headers(); len(headers) > 0 {
		dst = append(dst, `,"headers":`...)
		dst = values.Members(dst, headers)
	}
	return dst
}

// AppendTable writes a table of the kinds that engine.Meta names as the member headers of an envelope has it: see [Format.Append].
func AppendTable(dst []byte, table map[string]any) []byte { return values.Members(dst, table) }

// values is how headers are written.
var values = jsonappend.Form{
	Uint:  jsonappend.Plain.Uint,
	Float: jsonappend.Float,
	Bytes: appendBytes,
	Text:  func(dst []byte, v string) []byte { return appendBytes(dst, []byte(v)) },
	Time:  jsonappend.Time,
	Table: [2]string{"{", "}"},
}

func appendBytes(dst, value []byte) []byte {
	dst = append(dst, `{"base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, value)
	return append(dst, `"}`...)
}
