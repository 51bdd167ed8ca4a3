package interop

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/test/servers"
)

// object is what a client of S3 tells of one.
type object struct {
	Key, Type, Encoding string
	Size, Length        int
	Text                []byte // unpacked
}

type storeTask struct {
	S3        string `json:"s3"`
	Region    string `json:"region"`
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	Bucket    string `json:"bucket"`
}

// objects are those of the bucket, as a client sees them.
func objects(t *testing.T, c *client, s3 *servers.S3, bucket string) []object {
	t.Helper()
	var answer struct {
		Objects []object
		Counted *struct{ Rows, Keys, BadTimes int } // by one that asks for all objects at once
	}
	c.call(t, "read", storeTask{s3.Endpoint, s3.Region, s3.AccessKey, s3.SecretKey, bucket}, &answer)
	for _, o := range answer.Objects {
		if o.Size != o.Length {
			t.Errorf("%s: %s has %d bytes, and %d were fetched", c.name, o.Key, o.Size, o.Length)
		}
	}
	if all := answer.Counted; all != nil {
		lines := 0
		for _, o := range answer.Objects {
			lines += bytes.Count(o.Text, []byte("\n"))
		}
		if all.Rows != lines || all.Keys != lines || all.BadTimes > 0 {
			t.Errorf("%s: of %d lines it found %d rows with %d keys, and %d times that are none", c.name, lines, all.Rows, all.Keys, all.BadTimes)
		}
	}
	return answer.Objects
}

// enveloped is a line of an object.
type enveloped struct {
	Time       time.Time      `json:"time"`
	ID         string         `json:"id"`
	RoutingKey string         `json:"routing_key"`
	Headers    map[string]any `json:"headers"`
	Body       string         `json:"body"`
	Base64     []byte         `json:"body_base64"`
}

func decode(t *testing.T, line []byte, to any) bool {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		t.Errorf("%v: %.200s", err, line)
		return false
	}
	return true
}

// compareObjects compares what is stored with the messages as the first client read them from its control queue.
func (s *stage) compareObjects(t *testing.T, c *client) {
	if s.control == nil {
		t.Skip("the control queue of " + clients[0].name + " was not read: run all tests of this one together")
	}
	seen := map[string]bool{}
	for _, o := range objects(t, c, s.S3, s.Bucket) {
		if o.Type != "application/gzip" || o.Encoding != "" {
			t.Errorf("%s is of type %q, and encoded as %q", o.Key, o.Type, o.Encoding)
		}
		for line := range bytes.Lines(o.Text) {
			var e enveloped
			if !decode(t, line, &e) {
				continue
			}
			if seen[e.RoutingKey] {
				t.Errorf("%s is stored twice", e.RoutingKey)
			}
			seen[e.RoutingKey] = true
			if sent, ok := s.control[e.RoutingKey]; ok {
				sent = sent.clone()
				s.packed[e.RoutingKey].unpacked(&sent)
				sameStored(t, sent, e)
			}
		}
	}
	for _, key := range s.sent {
		if !seen[key] {
			t.Errorf("%s is not stored", key)
		}
	}
}

func sameStored(t *testing.T, sent incoming, e enveloped) {
	differ := func(what string, want, have any) {
		if w, h := text(numbers(want)), text(numbers(have)); w != h {
			t.Errorf("%s: %s: %s became %s", e.RoutingKey, what, short(w), short(h))
		}
	}
	if id := plain(sent.Properties["message_id"]); id != e.ID && !strings.HasPrefix(id, `{"base64"`) {
		differ("id", id, e.ID)
	}
	headers := map[string]any{}
	for name, v := range sent.Headers {
		headers[name] = stored(longs(v))
	}
	if len(headers)+len(e.Headers) > 0 {
		differ("headers", headers, e.Headers)
	}
	body := e.Base64
	if body == nil {
		body = []byte(e.Body)
	}
	mark, text := []byte(nil), sent.Body
	if bytes.HasPrefix(text, []byte("\ufeff")) { // a byte order mark stays, and is no part of the record behind it
		mark, text = text[:3], text[3:]
	}
	var fields map[string]any
	if json.Unmarshal(text, &fields) != nil || fields == nil {
		differ("body", sent.Body, body)
		return
	}
	if !bytes.HasPrefix(body, mark) {
		differ("body", sent.Body, body)
	}
	body = bytes.TrimPrefix(body, mark)
	var have map[string]any
	if !decode(t, body, &have) {
		return
	}
	fields["key_"] = e.RoutingKey
	if e.ID != "" {
		fields["id_"] = e.ID
	}
	if v, ok := sent.Headers[header]; ok {
		fields["header_"] = added(longs(v))
	}
	differ("fields", fields, have)
}

// stored is the value of a header as the documents say it is in JSON: format envelope.
func stored(v any) any {
	pair := v.([]any)
	letter, _ := pair[0].(string)
	switch v := pair[1].(type) {
	case string:
		return storedText(letter, v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = stored(v[i])
		}
		return list
	case map[string]any:
		if raw, ok := rawText(letter, v); ok {
			if letter == "S" && utf8.Valid(raw) {
				return string(raw) // which the reader could not tell as a text for its NUL
			}
			return v
		}
		table := map[string]any{}
		for name, e := range v {
			table[name] = stored(e)
		}
		return table
	}
	return pair[1] // a boolean
}

func storedText(letter, v string) any {
	switch letter {
	case "V":
		return nil
	case "x":
		return map[string]any{"base64": base64.StdEncoding.EncodeToString([]byte(v))}
	case "f", "d":
		f, _ := strconv.ParseFloat(v, 64)
		return shortest(f)
	case "D":
		digits, scale, _ := strings.Cut(v, "e-")
		n, _ := strconv.ParseFloat(digits, 64)
		e, _ := strconv.Atoi(scale)
		return shortest(n / math.Pow10(e))
	case "T":
		n, _ := strconv.ParseUint(v, 10, 64)
		return time.Unix(int64(n), 0).UTC().Format(time.RFC3339Nano)
	case "S":
		return v
	}
	return json.Number(v)
}

// shortest is f with as many digits as tell it from its neighbours, which is how JSON is written.
func shortest(f float64) json.Number { return json.Number(strconv.FormatFloat(f, 'g', -1, 64)) }

// rawText is what the reader told as base64 because it is no text.
func rawText(letter string, v map[string]any) ([]byte, bool) {
	coded, ok := v["base64"].(string)
	if !ok || letter == "F" {
		return nil, false
	}
	raw, err := base64.StdEncoding.DecodeString(coded)
	return raw, err == nil
}

// added is the value of a header as add_fields writes it: bytes are a text there, with a mark in the place of each
// byte that is none.
func added(v any) any {
	pair := v.([]any)
	letter, _ := pair[0].(string)
	if table, ok := pair[1].(map[string]any); ok {
		if raw, ok := rawText(letter, table); ok {
			return string([]rune(string(raw)))
		}
	}
	if pair[0] == "x" {
		return pair[1]
	}
	return stored(v)
}

// numbers brings all numbers to one form, texts are left alone.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, ok := new(big.Rat).SetString(v.String()); ok {
			return n.RatString()
		}
	case float64:
		return new(big.Rat).SetFloat64(v).RatString()
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = numbers(v[i])
		}
		return list
	case map[string]any:
		table := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			table[name] = numbers(v[name])
		}
		return table
	}
	return v
}
