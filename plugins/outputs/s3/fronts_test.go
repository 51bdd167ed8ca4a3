package s3

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/test/stores"
)

// at is the configuration that reaches the bucket of a fake store.
func at(s *stores.Store) Config {
	cfg := reach(s.Server(), "logs")
	cfg.Endpoint = s.URL
	if s.CA != "" {
		cfg.TLS = &TLS{CA: s.CA}
	}
	return cfg
}

// A front that changes headers on the way takes nothing if they are signed: logs would go to the file for ever, and the operator would look
// for a wrong key.
func TestChangedHeadersAreNotSigned(t *testing.T) {
	for name, start := range map[string]func(testing.TB, stores.Front) *stores.Store{"http": stores.Start, "https": stores.StartTLS} {
		t.Run(name, func(t *testing.T) {
			store := start(t, stores.Google())
			o := open(t, at(store))
			if err := o.Check(t.Context()); err != nil {
				t.Error(err)
			}
			large := strings.Repeat("x", 3<<20)
			mustWrite(t, o, batchOf("b1", "a", "b"))
			mustWrite(t, o, batchOf("b2", large))
			got := map[string]string{}
			for key, object := range store.Objects("logs") {
				got[key] = string(object.Body)
			}
			want := map[string]string{"logs/b1.ndjson": "a\nb\n", "logs/b2.ndjson": large + "\n"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			for _, asked := range store.Asked() {
				if e := asked.Header["Accept-Encoding"]; len(e) != 1 || e[0] != "identity" {
					t.Errorf("%s %s asks for the encodings %q: an object that is unpacked on the way", asked.Method, asked.Path, e)
				}
			}
		})
	}
}
