package jsonscan

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string // of a, a.b, x
	}{
		{`{"a":1,"x":"y"}`, []string{`1`, ``, `"y"`}},
		{` { "a" : { "b" : [ 1 , "}" ] } , "x" : null } `, []string{`{ "b" : [ 1 , "}" ] }`, `[ 1 , "}" ]`, `null`}},
		{`{"a":1,"a":2}`, []string{`2`, ``, ``}},
		{`{"a.b":1,"a":{"c":2}}`, []string{`{"c":2}`, `1`, ``}},
		{`{"\u0061":{"\u0062":"\u0063"}}`, []string{`{"\u0062":"\u0063"}`, `"\u0063"`, ``}},
		{`{"long\nkey":{"longer\nkey than it":1},"x":2}`, []string{``, ``, `2`}},
		{`{}`, []string{``, ``, ``}},
	} {
		f := NewPlaces("a", "a.b", "x")
		for range 2 { // the second time must not see what the first left
			places, object := f.Find([]byte(c.body))
			if diff := cmp.Diff(c.want, cut(c.body, places)); diff != "" || !object {
				t.Errorf("%s: object %v (-want +got)\n%s", c.body, object, diff)
			}
		}
	}
	for _, body := range []string{``, `1`, `[{"a":1}]`, `{"a":1`, `{"a":1}}`, `{"a":1} x`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":tru}`, `{"a":[1`, `{a:1}`} {
		if _, object := NewPlaces("a").Find([]byte(body)); object {
			t.Errorf("%s counts as an object", body)
		}
	}
}

// Who changes a value must find each place of it: a reader may take the first one, another the last.
func TestEach(t *testing.T) {
	const body = `{"a":1,"x":{"a":2},"b":{"c":3,"c":4},"a":{"y":5},"b.c":6}`
	var got []string
	f := NewPlaces("a", "b.c")
	if !f.Each([]byte(body), func(path int, at Place) { got = append(got, f.names[path]+" "+body[at.Start:at.End]) }) {
		t.Error("it is an object")
	}
	if diff := cmp.Diff([]string{"a 1", "b.c 3", "b.c 4", `a {"y":5}`, "b.c 6"}, got); diff != "" {
		t.Error(diff)
	}
	f.Find([]byte(body)) // which calls nobody
	if len(got) != 5 {
		t.Errorf("%d places", len(got))
	}
}

func cut(body string, places []Place) []string {
	var texts []string
	for _, s := range places {
		texts = append(texts, body[s.Start:s.End])
	}
	return texts
}

// allPaths writes down the value of each path of an object as encoding/json reads it, the last one of each.
func allPaths(data []byte, prefix string, into map[string]string) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.Token()
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		dec.Decode(&value)
		path := prefix + key.(string)
		into[path] = string(value)
		if value[0] == '{' {
			allPaths(value, path+".", into)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	for _, body := range bodies {
		if len(body) < 1000 {
			f.Add([]byte(`{"x":[1,{}],"a":{"b":` + body + `},"b":` + body + `,"source":"s"}`))
		}
	}
	names := []string{"a", "a.b", "b", "a.b.c", "source"}
	places := NewPlaces(names...)
	f.Fuzz(func(t *testing.T, data []byte) {
		found, object := places.Find(data)
		form, err := Check(data)
		if err != nil || Mark(data) > 0 { // encoding/json takes no mark; see TestMark
			return // no panic and no endless loop is all that is promised
		}
		if object != form.Object {
			t.Fatalf("object is %v of %q", object, data)
		}
		want := map[string]string{}
		if object {
			allPaths(data, "", want)
		}
		for i, name := range names {
			if got := string(data[found[i].Start:found[i].End]); got != want[name] {
				t.Fatalf("%s of %q is %q, want %q", name, data, got, want[name])
			}
		}
	})
}

func FuzzUnquote(f *testing.F) {
	f.Add(`"a\"\u00e9\n\ud83d\ude00\ud83d\u0041"`)
	f.Fuzz(func(t *testing.T, raw string) {
		var want string
		if !utf8.ValidString(raw) || json.Unmarshal([]byte(raw), &want) != nil || raw[0] != '"' || raw[len(raw)-1] != '"' {
			return
		}
		if got := string(Unquote(nil, []byte(raw))); got != want {
			t.Fatalf("%s is %q, want %q", raw, got, want)
		}
	})
}

func BenchmarkPlaces(b *testing.B) {
	lines := jsonscantest.Lines("262B", 256)
	f := NewPlaces("level", "count")
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if _, object := f.Find(lines[n%len(lines)]); !object {
			b.Fatal("no object")
		}
	}
}
