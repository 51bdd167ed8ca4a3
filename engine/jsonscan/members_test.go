package jsonscan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

// valuesAndRest are the values of the members that were found, and what is left without their cuts.
func valuesAndRest(m *Members, data []byte) (values []string, rest string) {
	from := 0
	for _, found := range m.Find(data) {
		values = append(values, string(data[found.Value.From:found.Value.To]))
		rest += string(data[from:found.Cut.From])
		from = found.Cut.To
	}
	return values, rest + string(data[from:])
}

func TestMembers(t *testing.T) {
	for _, c := range []struct {
		body, paths string
		want        []string
		rest        string
	}{
		{`{"a":1,"b":2,"c":3}`, "a", []string{"1"}, `{"b":2,"c":3}`},
		{`{"a":1,"b":2,"c":3}`, "b", []string{"2"}, `{"a":1,"c":3}`},
		{`{"a":1,"b":2,"c":3}`, "c", []string{"3"}, `{"a":1,"b":2}`},
		{`{"a":1,"b":2,"c":3}`, "b c", []string{"2", "3"}, `{"a":1}`},
		{`{"a":1,"b":2,"c":3}`, "a c", []string{"1", "3"}, `{"b":2}`},
		{`{"a":1,"b":2,"c":3}`, "a b c", []string{"1", "2", "3"}, `{}`},
		{` { "a" : 1 , "b" : 2 } `, "b", []string{"2"}, ` { "a" : 1 } `},
		{` { "a" : 1 , "b" : 2 } `, "a", []string{"1"}, ` { "b" : 2 } `},
		{`{"a":{"b":"x","c":[]},"a":{"b":null}}`, "a.b", []string{`"x"`, "null"}, `{"a":{"c":[]},"a":{}}`},
		{`{"a":{"b":1}}`, "a a.b", []string{`{"b":1}`}, `{}`},
		{`{"a":1,"a":2}`, "a", []string{"1", "2"}, `{}`},
		{`{"a.b":1,"a":{"b":[2]},"b":3}`, "a.b", []string{"1", "[2]"}, `{"a":{},"b":3}`},
		{`{"\u0061":{"\u0062":1}}`, "a.b", []string{"1"}, `{"\u0061":{}}`},
		{`{"a":[{"b":1},{"c":2},[[{"b":3}]],4,"b",{"b":5}]}`, "a.b", []string{"1", "3", "5"}, `{"a":[{},{"c":2},[[{}]],4,"b",{}]}`},
		{`[{"a":1},{"b":{"a":2}},[{"a":3,"x":[]}]]`, "a", []string{"1", "3"}, `[{},{"b":{"a":2}},[{"x":[]}]]`},
		{`[]`, "a", nil, `[]`},
		{`"a"`, "a", nil, `"a"`},
		{`{"a":1}`, "", nil, `{"a":1}`},
	} {
		m := NewMembers(strings.Fields(c.paths)...)
		for range 2 { // the second time must not see what the first left
			values, rest := valuesAndRest(m, []byte(c.body))
			if diff := cmp.Diff(c.want, values); diff != "" || rest != c.rest {
				t.Errorf("%s of %s: left %s, want %s; values (-want +got)\n%s", c.paths, c.body, rest, c.rest, diff)
			}
		}
	}
}

// A body of the deepest kind that Check lets pass must not need a stack of that depth.
func TestMembersOfDeepBodies(t *testing.T) {
	arrays := strings.Repeat("[", MaxDepth-1) + `{"a":1}` + strings.Repeat("]", MaxDepth-1)
	objects := strings.Repeat(`{"x":`, MaxDepth-1) + `{}` + strings.Repeat("}", MaxDepth-1)
	m := NewMembers("a")
	if values, _ := valuesAndRest(m, []byte(arrays)); !slices.Equal(values, []string{"1"}) {
		t.Errorf("found %q", values)
	}
	if values, rest := valuesAndRest(m, []byte(objects)); values != nil || rest != objects {
		t.Errorf("found %q", values)
	}
}

// members is Find written with encoding/json: it returns the values that paths lead to, and the value without them.
func members(data []byte, prefix string, paths []string) (values []string, rest []byte) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	token, _ := dec.Token()
	open, ok := token.(json.Delim)
	if !ok {
		return nil, bytes.TrimSpace(data)
	}
	var parts [][]byte
	for dec.More() {
		path, name := prefix, []byte(nil)
		if open == '{' {
			key, _ := dec.Token()
			name, _ = json.Marshal(key)
			name = append(name, ':')
			path += key.(string)
		}
		var value json.RawMessage
		_ = dec.Decode(&value)
		if open == '{' && slices.Contains(paths, path) {
			values = append(values, string(value))
			continue
		}
		if open == '{' {
			path += "."
		}
		inner, left := members(value, path, paths)
		values = append(values, inner...)
		parts = append(parts, append(name, left...))
	}
	ends := map[json.Delim]string{'{': "{}", '[': "[]"}[open]
	return values, append(append([]byte(ends[:1]), bytes.Join(parts, []byte(","))...), ends[1])
}

func FuzzMembers(f *testing.F) {
	paths := []string{"a", "b.c", "b.a", "d", "b.c.d"}
	for _, body := range bodies {
		if len(body) < 1000 {
			f.Add([]byte(`{"x":[1,{}],"a" :` + body + ` , "b":{"c":` + body + `},"d":[` + body + `]}`))
		}
	}
	f.Add([]byte(`[{"b.c":1,"b":[{"a":2},{"c":{"d":3},"x":[{"a":4}]}]},{"d":5,"e":{"a":6}}]`))
	m := NewMembers(paths...)
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) || !utf8.Valid(data) || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > 100 {
			m.Find(data) // no panic and no endless loop is all that is promised
			return
		}
		values, rest := valuesAndRest(m, data)
		wantValues, wantRest := members(data, "", paths)
		if diff := cmp.Diff(wantValues, values); diff != "" {
			t.Fatalf("%q: (-want +got)\n%s", data, diff)
		}
		if !json.Valid([]byte(rest)) {
			t.Fatalf("%q without its members is no JSON: %q", data, rest)
		}
		if diff := cmp.Diff(decoded(t, wantRest), decoded(t, []byte(rest))); diff != "" {
			t.Fatalf("%q without its members: (-want +got)\n%s", data, diff)
		}
	})
}

// decoded are the tokens of data: what it says, in its order, with names that are there twice.
func decoded(t *testing.T, data []byte) (all []string) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return all
		}
		all = append(all, fmt.Sprintf("%T %v", token, token))
	}
}

func BenchmarkMembers(b *testing.B) {
	lines := jsonscantest.Lines("262B", 256)
	for _, path := range []string{"source", "message", "missing.too"} {
		b.Run(path, func(b *testing.B) {
			m := NewMembers(path)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				m.Find(lines[n%len(lines)])
			}
		})
	}
}
