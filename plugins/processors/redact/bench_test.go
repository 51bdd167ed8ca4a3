package redact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine"
)

// withoutHit are lines in which no preset finds anything: JSON records as most are, text as web servers write it, and the same with
// percent-encoding, which is where a look at how a text reads costs most.
var withoutHit = map[string]func(i int) string{
	"text": func(i int) string {
		return fmt.Sprintf(`web-7 - - [02/Jan/2026:15:04:%02d +0000] "GET /static/app/main.%06x.js?lang=en&page=%d HTTP/1.1" 200 %d "https://example.com/start" "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"`, i%60, i*7919, i, i*37)
	},
	"percent": func(i int) string {
		return fmt.Sprintf(`web-7 - - [02/Jan/2026:15:04:%02d +0000] "GET /search?q=red%%20shoes%%20size%%20%d&back=%%2Fstart%%3Flang%%3Den HTTP/1.1" 200 %d "https://example.com/start" "Mozilla/5.0 (X11; Linux x86_64)"`, i%60, i, i*37)
	},
}

// One operation is one line without a hit.
func BenchmarkPreset(b *testing.B) {
	for _, name := range presetNames() {
		p := create(b, with(func(c *Config) { c.Preset, c.OnInvalid = []string{name}, pass }))
		if name != "ipv4" { // whose addresses are in these records
			b.Run(name+"/json", func(b *testing.B) {
				benchmark(b, p, lines(b, func(line []byte) []byte { return line }))
			})
		}
		for kind, line := range withoutHit {
			came := new(engine.Batch)
			record := new(engine.Batch)
			for i := range 256 {
				came.Messages = append(came.Messages, engine.Message{Body: []byte(line(i))})
				record.Messages = append(record.Messages, engine.Message{Body: []byte(`{"line":"` + strings.ReplaceAll(line(i), `"`, `'`) + `","n":1}`)})
			}
			b.Run(name+"/"+kind, func(b *testing.B) { benchmark(b, p, came) })
			b.Run(name+"/json_"+kind, func(b *testing.B) { benchmark(b, p, record) })
		}
	}
}

func benchmark(b *testing.B, p engine.Transform, came *engine.Batch) {
	batch := new(engine.Batch)
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(came.Messages) {
		batch.Messages = append(batch.Messages[:0], came.Messages...)
		if err := p.Process(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	for i, m := range batch.Messages {
		if &m.Body[0] != &came.Messages[i].Body[0] {
			b.Fatalf("%q has a hit", m.Body)
		}
	}
}
