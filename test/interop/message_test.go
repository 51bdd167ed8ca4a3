package interop

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A value of a header as clients take it: RabbitMQ's letter for its type, and the value, numbers as text so that no language rounds them. S*
// is text (S) as base64, for what is no UTF-8.
type value [2]any

// outgoing is a message as clients take it.
type outgoing struct {
	Key        string           `json:"key"`
	Exchange   string           `json:"exchange,omitempty"`
	Body       []byte           `json:"body"`
	Properties map[string]any   `json:"properties,omitempty"`
	Headers    map[string]value `json:"headers,omitempty"`

	packed *packed // what is in the body, where logpipe unpacks it
}

// incoming is a message as clients tell it. Values are lists of the library's type and the value.
type incoming struct {
	Key        string         `json:"key"`
	Exchange   string         `json:"exchange"`
	Body       []byte         `json:"body"`
	Properties map[string]any `json:"properties"`
	Headers    map[string]any `json:"headers"`
}

// header is the name of the header that a case is about.
const header = "h"

// described are the messages that every client is asked to write. Their keys are WRITER.GROUP.CASE.
func described(writer, user string) (all []outgoing) {
	add := func(m outgoing, group, name string, args ...any) {
		m.Key = writer + "." + group + "." + fmt.Sprintf(name, args...)
		if m.Body == nil {
			m.Body = fmt.Appendf(nil, `{"case":%q}`, m.Key)
		}
		all = append(all, m)
	}
	for _, group := range groups {
		for i, v := range values[group] {
			add(outgoing{Headers: map[string]value{header: v}}, group, "%d", i)
		}
	}
	for name, headers := range headerCases() {
		add(outgoing{Headers: headers}, "headers", "%s", name)
	}
	add(outgoing{Headers: map[string]value{strings.Repeat("n", 255): {"S", "x"}}}, "longname", "0")
	add(outgoing{Headers: map[string]value{"": {"S", "x"}}}, "noname", "0")
	if slices.Contains(largeWriters, writer) {
		add(outgoing{Headers: map[string]value{header: {"S", strings.Repeat("x", 120_000)}}}, "large", "0")
	}
	for name, list := range properties {
		for i, v := range list {
			add(outgoing{Properties: map[string]any{name: v}}, "property", "%s-%d", name, i)
		}
	}
	add(outgoing{Properties: map[string]any{"cluster_id": "cluster"}}, "cluster", "0")
	for i, v := range []any{253402300800, int64(math.MaxInt64 >> 11), int64(math.MaxInt64), uint64(math.MaxUint64), -1, 1767323045123} {
		add(outgoing{Properties: map[string]any{"timestamp": v}}, "timefar", "%d", i)
	}
	add(outgoing{Properties: map[string]any{"user_id": user}}, "property", "user_id")
	add(outgoing{Properties: everyProperty, Headers: map[string]value{header: {"S", "x"}}}, "property", "all")
	for name, body := range bodies {
		if name == "large" && !slices.Contains(largeWriters, writer) {
			continue
		}
		add(outgoing{Body: []byte(body)}, "body", "%s", name)
	}
	for name, p := range packings() {
		add(outgoing{Body: p.body, Properties: map[string]any{"content_encoding": p.encoding}, packed: p.in}, "packed", "%s", name)
	}
	// By way of a queue in which it expires: the broker dead-letters it and writes down its death, in tables, lists, times and long numbers.
	add(outgoing{Exchange: "expire", Headers: map[string]value{header: {"S", "x"}}}, "died", "once")
	add(outgoing{Exchange: "expire", Properties: map[string]any{"expiration": "0"}}, "died", "at-once")
	return all
}

// groups are the letters in the order of the test's output.
var groups = []string{"t", "b", "B", "s", "u", "I", "Imin", "i", "l", "L", "f", "d", "D", "S", "x", "T", "Tfar", "F", "A", "V"}

// values are those of headers, by their letter. No number is infinite and none is NaN: brokers end the connection that brings one.
var values = map[string][]value{
	"t":    {{"t", true}, {"t", false}},
	"b":    {{"b", "-5"}, {"b", "-128"}, {"b", "127"}},
	"B":    {{"B", "200"}, {"B", "0"}},
	"s":    {{"s", "-300"}, {"s", "32767"}},
	"u":    {{"u", "60000"}},
	"I":    {{"I", "5"}, {"I", "0"}, {"I", "-70000"}, {"I", "2147483647"}},
	"Imin": {{"I", "-2147483648"}},
	"i":    {{"i", "4000000000"}},
	"l":    {{"l", "1099511627776"}, {"l", "-1099511627776"}, {"l", "9223372036854775807"}, {"l", "-9223372036854775808"}},
	"L":    {{"L", "1099511627776"}},
	"f":    {{"f", "1.5"}, {"f", "-0.0"}, {"f", "3.4028234663852886e+38"}},
	"d":    {{"d", "2.25"}, {"d", "-0.0"}, {"d", "1.7976931348623157e+308"}, {"d", "5.0e-324"}},
	"D":    {{"D", "3.14"}, {"D", "-3.14"}, {"D", "5"}, {"D", "2147483647"}, {"D", "0.0000000001"}},
	"S":    {{"S", "text"}, {"S", ""}, {"S", "Grüße \u2028 \U0001F600"}, {"S", "5"}, {"S", "line\nfeed\ttab \x1b[1m"}, {"S", strings.Repeat("x", 60_000)}, {"S*", "/wD+"}, {"S*", "YQBi"}},
	"x":    {{"x", ""}, {"x", "AP+A"}, {"x", "dGV4dA=="}},
	"T":    {{"T", "1767323045"}, {"T", "0"}, {"T", "253402300799"}},
	"Tfar": {{"T", "253402300800"}, {"T", "9223372036854775807"}, {"T", "18446744073709551615"}}, // beyond the year 9999
	"F":    {{"F", map[string]value{}}, {"F", map[string]value{"a": {"I", "1"}, "b": {"S", "x"}, "c": {"F", map[string]value{"d": {"V", nil}}}}}, {"F", table(30)}},
	"A":    {{"A", []value{}}, {"A", []value{{"I", "1"}, {"S", "x"}, {"t", true}, {"V", nil}, {"A", []value{{"S", "y"}}}, {"F", map[string]value{"z": {"S", "w"}}}}}, {"A", many(2000)}},
	"V":    {{"V", nil}},
}

// table is one in another, so many.
func table(depth int) map[string]value {
	if depth == 0 {
		return map[string]value{"end": {"S", "x"}}
	}
	return map[string]value{"t": {"F", table(depth - 1)}}
}

func many(n int) (list []value) {
	for i := range n {
		list = append(list, value{"I", fmt.Sprint(i)})
	}
	return list
}

func headerCases() map[string]map[string]value {
	several := map[string]value{}
	for i := range 300 {
		several[fmt.Sprintf("h%d", i)] = value{"S", "x"}
	}
	return map[string]map[string]value{
		"none":        {},
		"several":     several,
		"words":       {"Grüße": {"S", "x"}, "a b\n": {"S", "x"}},
		"copies":      {"CC": {"A", []value{{"S", "nobody.home"}}}},
		"mapped":      {"map": {"S", "x"}},
		"like-ours":   {"x-logpipe-note": {"S", "x"}, "b64": {"S", "AAAA"}},
		"count":       {"x-delivery-count": {"l", "3"}, "x-death": {"S", "no list"}},
		"names-of-it": {"Content-Type": {"S", "x"}, "content_type": {"S", "x"}, "headers": {"F", map[string]value{}}},
	}
}

// properties are those beside the headers.
var properties = map[string][]any{
	"content_type":     {"application/json", "text/plain; charset=\"utf-8\"", long, "x"},
	"content_encoding": {"utf-8", "identity", "x-unknown", long},
	"delivery_mode":    {1, 2}, // brokers take no others
	"priority":         {0, 3, 255},
	"correlation_id":   {"c", long},
	"reply_to":         {"answers", long},
	"expiration":       {"86400000", "+86400000", "000086400000", "4294967295"},
	"message_id":       {"id-1", "Grüße", long},
	"timestamp":        {1767323045, 0, 1, 253402300799},
	"type":             {"login", long},
	"app_id":           {"app", long},
}

var long = strings.Repeat("l", 255)

var everyProperty = map[string]any{
	"content_type": "application/json", "content_encoding": "utf-8", "delivery_mode": 1, "priority": 9, "correlation_id": "c", "reply_to": "r",
	"expiration": "86400000", "message_id": "m", "timestamp": 1767323045, "type": "t", "app_id": "a",
}

// largeWriters write a large body: what each of them adds is read, told as JSON and compared many times.
var largeWriters = []string{"librabbitmq", "amqplib", "pika"}

// bodies are those that are not like the others. What a processor makes of JSON is not the question here.
var bodies = map[string]string{
	"empty": "", "text": "hello", "bytes": "\xff\xfe\x00\x80", "utf16": "{\x00}\x00", "bom": "\ufeff{}", "lines": "one\ntwo\n", "crlf": "a\r\n",
	"json": `{"source":"app1","n":1.0}`, "array": `[1,2]`, "large": `{"pad":"` + strings.Repeat("x", 300_000) + `"}`, "nul": "\x00",
}

// group is the middle of a key.
func group(key string) string {
	parts := strings.SplitN(key, ".", 3)
	return parts[min(1, len(parts)-1)]
}

// text is anything as JSON, for comparisons and for reports.
func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}
