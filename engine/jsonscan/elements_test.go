package jsonscan

import (
	"encoding/json"
	"testing"
)

// Each element is what encoding/json finds, byte for byte. One that is cut wrong is a message that nobody sent.
func FuzzElements(f *testing.F) {
	for _, seed := range []string{"[]", "[ ]", "[1]", "[1,2]", ` [ "a,]" , {"b":[1,{}]} ,[[]], null ] `, "[\n1,\n\t-2.5e3\r\n]", `["\"",""]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Check(data); err != nil || Trim(data)[0] != '[' {
			t.Skip()
		}
		data = data[Mark(data):] // encoding/json takes no mark; see TestMark
		var want []json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		n := 0
		for got := range Elements(data) {
			if n >= len(want) || string(got) != string(want[n]) {
				t.Fatalf("element %d of %q is %q", n, data, got)
			}
			n++
		}
		if n != len(want) {
			t.Fatalf("%d elements of %q, want %d", n, data, len(want))
		}
		for range Elements(data) {
			break // nothing is given after that
		}
	})
}
