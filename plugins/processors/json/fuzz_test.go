package json

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

// Whatever a producer sends: what passes is JSON, one line, and says what it said before; what does not pass stays as it was, for the dead
// letter. A body that passes and is no line would make two broken logs of one.
func FuzzProcess(f *testing.F) {
	for _, body := range []string{``, `{}`, "{\n\"a\" : [1, 2.50]}\r\n", `{"a":1,"a":2}`, `1e999`, "\"\xff\"", `"\ud800"`, "\ufeff{}", "[\x00]", strings.Repeat("[", 200)} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := New(Defaults(), engine.Env{})
		if err != nil {
			t.Fatal(err)
		}
		arena := append(slices.Clone(body), "neighbour"...)
		b := &engine.Batch{Messages: []engine.Message{{Body: arena[:len(body):len(body)]}, {Body: arena[len(body):]}}}
		if err := p.Process(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		if string(arena) != string(body)+"neighbour" {
			t.Fatalf("%q: the source's bytes became %q", body, arena)
		}
		got := b.Messages[0].Body
		if unmarked := body[jsonscan.Mark(body):]; json.Valid(unmarked) {
			body = unmarked
		}
		if !json.Valid(body) {
			if !bytes.Equal(got, body) {
				t.Errorf("%q is a dead letter and became %q", body, got)
			}
			return
		}
		if bytes.ContainsAny(got, "\r\n") || !json.Valid(got) {
			t.Fatalf("%q passes as %q", body, got)
		}
		if diff := cmp.Diff(compacted(t, body), compacted(t, got)); diff != "" {
			t.Errorf("%q says something else: %s", body, diff)
		}
	})
}

func compacted(t *testing.T, body []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
