package jsonscan

import (
	"slices"
	"testing"
)

// Behind a byte order mark everything is found that is found without it, at its place in the body. A record of which that was
// not so would be a dead letter, or be kept, dropped and parted by other values than it has.
func TestMark(t *testing.T) {
	const plain = " {\"a\" : \"x\\n\",\n\"b\":{\"c\":[1,\"y\"]}, \"a\":true} "
	marked := []byte("\ufeff" + plain)
	n := Mark(marked)
	if n != 3 || Mark([]byte(plain)) != 0 || Mark([]byte("\xef\xbb")) != 0 || Mark(nil) != 0 {
		t.Fatalf("the mark has %d bytes", n)
	}
	if form, err := Check(marked); err != nil || !form.Object || !form.Newlines {
		t.Errorf("Check: %+v, %v", form, err)
	}
	if got, want := string(Compact(nil, marked)), string(Compact(nil, []byte(plain))); got != want {
		t.Errorf("Compact: %q, want %q", got, want)
	}
	if got, want := string(Trim(marked)), string(Trim([]byte(plain))); got != want {
		t.Errorf("Trim: %q, want %q", got, want)
	}
	paths := []string{"a", "b.c", "none"}
	values, want := NewFields(paths...).Find(marked), NewFields(paths...).Find([]byte(plain))
	for i := range paths {
		if values[i].Kind != want[i].Kind || string(values[i].Text) != string(want[i].Text) {
			t.Errorf("Fields: %s is %q, want %q", paths[i], values[i].Text, want[i].Text)
		}
	}
	places, object := NewPlaces(paths...).Find(marked)
	unmarked, _ := NewPlaces(paths...).Find([]byte(plain))
	for i, at := range unmarked {
		if at.End > 0 {
			at.Start, at.End = at.Start+n, at.End+n
		}
		if places[i] != at || !object {
			t.Errorf("Places: %s is at %v, want %v; object %v", paths[i], places[i], at, object)
		}
	}
	members, without := NewMembers(paths...).Find(marked), NewMembers(paths...).Find([]byte(plain))
	for i, m := range without {
		by := func(s Span) Span { return Span{s.From + n, s.To + n} }
		if len(members) != len(without) || members[i] != (Member{by(m.Value), by(m.Cut)}) {
			t.Fatalf("Members: %v, want %v and %d more", members, without, n)
		}
	}
	var elements []string
	for e := range Elements([]byte("\ufeff[1, {}]")) {
		elements = append(elements, string(e))
	}
	if !slices.Equal(elements, []string{"1", "{}"}) {
		t.Errorf("Elements: %q", elements)
	}
	if text, _ := NextText(marked, 0); string(marked[text.From:text.To]) != "a" || !text.Key {
		t.Errorf("NextText: %+v", text)
	}
}
