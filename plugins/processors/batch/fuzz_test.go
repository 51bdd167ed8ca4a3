package batch

import (
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// The partition is what a message has to say about its place: whatever it says, there is one value for each field, the same in every run,
// short, and read back as it was. A partition that cannot be read back would be stored under another's key.
func FuzzPartition(f *testing.F) {
	for _, body := range []string{`{"source":"app1"}`, `{"source":"../../etc/passwd","env":{"name":"a=b/c"}}`, `{"source":"\u0000\n"}`, "{\"source\":\"\xff\"}", `{"source":`, `{"source":"%2F","source":"%252F"}`} {
		f.Add([]byte(body), "logs.#")
	}
	f.Fuzz(func(t *testing.T, body []byte, key string) {
		by := []string{"source", "env.name", "@routing_key"}
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		texts := [2]string{}
		for i := range texts { // as in two runs
			p := newPartitioner(with(func(c *Config) { c.PartitionBy = by }))
			p.of(&engine.Message{Body: []byte(`{"source":"before","env":{"name":"other"}}`), Meta: meta{"x"}})
			texts[i] = p.text(string(p.of(&engine.Message{Body: body, Time: at, Meta: meta{key}})))
		}
		if texts[0] != texts[1] {
			t.Fatalf("%q and %q", texts[0], texts[1])
		}
		var values []string
		for name, value := range engine.PartitionFields(texts[0]) {
			if name == "" || value == "" || len(value) > maxValue {
				t.Errorf("%q has the value %q of %q", texts[0], value, name)
			}
			values = append(values, value)
		}
		if len(values) != len(by) {
			t.Fatalf("%q has %d values, not %d", texts[0], len(values), len(by))
		}
		if key != "" && len(key) <= maxValue && values[2] != key {
			t.Errorf("the routing key %q became %q", key, values[2])
		}
	})
}
