package jsonscan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

const record = `{"timestamp":"2026-01-02T15:04:05.000123Z","source":"app1","event":"login_failed","count":3,"seq":123456}`

func texts(values []Value) []string {
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = fmt.Sprintf("%d %s", v.Kind, v.Text)
	}
	return s
}

func TestFind(t *testing.T) {
	const none = "0 "
	for _, c := range []struct {
		body  string
		paths []string
		want  []string
	}{
		{record, []string{"source", "count", "nope"}, []string{"1 app1", "2 3", none}},
		{`{"a":{"b":{"c":"x"},"d":true}}`, []string{"a.b.c", "a.d", "a", "a.b", "b"}, []string{"1 x", "3 true", none, none, none}},
		// Flat keys with dots are how ECS and OpenTelemetry name fields.
		{`{"service.name":"shop","log":{"level.name":"warn"}}`, []string{"service.name", "log.level.name"}, []string{"1 shop", "1 warn"}},
		{`{"a.b":1,"a":{"b":2}}`, []string{"a.b"}, []string{"2 1"}},
		{`{"a":{"b":2},"a.b":1}`, []string{"a.b"}, []string{"2 2"}},
		{`{"a":{"x":2},"a":{"b":3}}`, []string{"a.b"}, []string{"2 3"}},
		{`{"a":"first","a":"last"}`, []string{"a"}, []string{"1 first"}},
		{`{"a":null,"a":"second"}`, []string{"a"}, []string{"1 second"}},
		{`{"a":null,"b":[1,{"a":2}],"c":{}}`, []string{"a", "b", "c"}, []string{none, none, none}},
		{`{"\u0061":"a\"\u00e9\n\ud83d\ude00\ud83d\u0041"}`, []string{"a"}, []string{"1 a\"é\n😀\ufffdA"}},
		{`{"skip":[{"a":"]}"},"\""],"a":-1.5e3}`, []string{"a"}, []string{"2 -1.5e3"}},
		{"\n { \"a\" : false , \"b\" : \"\" } ", []string{"a", "b"}, []string{"3 false", "1 "}},
		{`{"a":1,"b"`, []string{"a", "b"}, []string{"2 1", none}},
		{`{"a":"1`, []string{"a"}, []string{none}},
		{`{"a":[`, []string{"a"}, []string{none}},
		{`[{"a":1}]`, []string{"a"}, []string{none}},
		{`"a"`, []string{"a"}, []string{none}},
		{``, []string{"a"}, []string{none}},
		{record, nil, []string{}},
	} {
		f := NewFields(c.paths...)
		for range 2 { // the second time must not see what the first left
			if diff := cmp.Diff(c.want, texts(f.Find([]byte(c.body)))); diff != "" {
				t.Errorf("%s %q: (-want +got)\n%s", c.body, c.paths, diff)
			}
		}
	}
}

func TestFindInDeepBody(t *testing.T) {
	body := `{"deep":` + strings.Repeat(`[{"x":`, 100000) + `1` + strings.Repeat("}]", 100000) + `,"a":"b"}`
	if got := texts(NewFields("a").Find([]byte(body))); got[0] != "1 b" {
		t.Errorf("got %q", got)
	}
}

// find is Find written with encoding/json, plain and slow.
func find(dec *json.Decoder, prefix string, paths []string, values []Value) {
	for dec.More() {
		token, _ := dec.Token()
		key := prefix + token.(string)
		token, _ = dec.Token()
		switch v := token.(type) {
		case json.Delim:
			if v == '{' {
				find(dec, key+".", paths, values)
			} else {
				skipArray(dec)
			}
		case string:
			set(key, Value{String, []byte(v)}, paths, values)
		case json.Number:
			set(key, Value{Number, []byte(v)}, paths, values)
		case bool:
			set(key, Value{Bool, fmt.Append(nil, v)}, paths, values)
		}
	}
	dec.Token()
}

func skipArray(dec *json.Decoder) {
	for depth := 1; depth > 0; {
		switch token, _ := dec.Token(); token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
}

func set(key string, v Value, paths []string, values []Value) {
	for i, path := range paths {
		if path == key && values[i].Kind == Missing {
			values[i] = v
		}
	}
}

func FuzzFind(f *testing.F) {
	paths := []string{"a", "a.b", "b", "a.b.c", "source", "a"}
	for _, body := range bodies {
		if len(body) < 1000 {
			f.Add([]byte(body))
			f.Add([]byte(`{"x":[1,{}],"a":{"b":` + body + `},"b":` + body + `,"source":"s"}`))
		}
	}
	f.Add([]byte(`{"a.b":{"c":"\ud800\u0041\n"},"a":{"b.c":1}}`))
	fields := NewFields(paths...)
	f.Fuzz(func(t *testing.T, data []byte) {
		got := texts(fields.Find(data))
		if !json.Valid(data) || !utf8.Valid(data) {
			return // no panic and no endless loop is all that is promised
		}
		want := make([]Value, len(paths))
		if dec := json.NewDecoder(bytes.NewReader(data)); bytes.TrimLeft(data, " \t\r\n")[0] == '{' {
			dec.UseNumber()
			dec.Token()
			find(dec, "", paths, want)
		}
		if diff := cmp.Diff(texts(want), got); diff != "" {
			t.Fatalf("%q: (-want +got)\n%s", data, diff)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	lines := jsonscantest.Lines("262B", 256)
	for _, paths := range [][]string{{"source"}, {"source", "timestamp"}, {"missing"}} {
		b.Run(strings.Join(paths, "+"), func(b *testing.B) {
			f := NewFields(paths...)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				f.Find(lines[n%len(lines)])
			}
		})
	}
}
