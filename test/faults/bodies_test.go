package faults

import (
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"testing"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// body is one that producers send in earnest, or by malice.
type body struct {
	body    string
	json    bool   // it is JSON, as pipeline.hcl wants it
	oneLine string // what the processor json makes of it, where that is something else
}

// bodies are made once, because some are large.
var bodies = sync.OnceValue(func() map[string]body {
	const deep = 100_000
	return map[string]body{
		"empty":                    {},
		"blank":                    {body: " "},
		"a word":                   {body: "hello"},
		"a line feed alone":        {body: "\n"},
		"line feeds at the end":    {body: "{\"a\":1}\n\n", json: true, oneLine: `{"a":1}`},
		"a line feed inside":       {body: "{\"b\":\n1}", json: true, oneLine: `{"b":1}`},
		"CR LF inside":             {body: "{\r\n\"c\": 1}", json: true, oneLine: `{"c":1}`},
		"two values on two lines":  {body: "{\"a\":2}\n{\"a\":3}"},
		"a line feed in a string":  {body: "{\"a\":\"\n\"}"},
		"NUL bytes":                {body: "\x00\x00{}\x00"},
		"NUL in a string":          {body: "{\"a\":\"\x00\"}"},
		"NUL, escaped":             {body: `{"source":"\u0000"}`, json: true},
		"no UTF-8":                 {body: "\xff\xfe\x80"},
		"no UTF-8 in a string":     {body: "{\"source\":\"\xff\xc0\xaf\"}", json: true},
		"UTF-16":                   {body: "{\x00}\x00"},
		"a byte order mark":        {body: "\ufeff{\"m\":1}", json: true, oneLine: `{"m":1}`},
		"UTF-16, marked":           {body: "\xff\xfe{\x00}\x00"},
		"half a surrogate":         {body: `{"source":"\ud800"}`, json: true},
		"U+2028":                   {body: "{\"source\":\"\u2028\u0085\"}", json: true},
		"escape codes":             {body: "\x1b[2J\x1b]0;owned\a\x9b31m"},
		"arrays, 100,000 deep":     {body: strings.Repeat("[", deep) + strings.Repeat("]", deep)},
		"objects, 100,000 deep":    {body: strings.Repeat(`{"source":`, deep) + "1" + strings.Repeat("}", deep)},
		"open brackets":            {body: strings.Repeat("[", deep)},
		"open objects":             {body: strings.Repeat(`{"a":`, deep)},
		"as deep as may be":        {body: strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), json: true},
		"a key twice":              {body: `{"source":"a","source":"b","a":1,"a":2}`, json: true},
		"a key that is empty":      {body: `{"":""}`, json: true},
		"100,000 keys":             {body: `{"k":0` + strings.Repeat(`,"k":1`, deep) + `}`, json: true},
		"a number of 100,000":      {body: `{"source":` + strings.Repeat("9", deep) + `}`, json: true},
		"a huge exponent":          {body: `{"timestamp":1e999999999,"n":-1E+99999}`, json: true},
		"a small exponent":         {body: `{"n":1e-999999999}`, json: true},
		"minus nought":             {body: `-0.0`, json: true},
		"2^53 + 1":                 {body: `{"n":9007199254740993}`, json: true},
		"not a number":             {body: `{"n":NaN}`},
		"Infinity":                 {body: `{"n":-Infinity}`},
		"a number with a zero":     {body: `01`},
		"a bare null":              {body: `null`, json: true},
		"a comment":                {body: "{} // nothing"},
		"a string without an end":  {body: `{"a":"` + strings.Repeat(`\`, 99_999)},
		"a time of the year 10^9":  {body: `{"timestamp":"999999999-01-01T00:00:00Z"}`, json: true},
		"a source of 1 MiB":        {body: `{"source":"` + strings.Repeat("../", 1<<20/3) + `"}`, json: true},
		"a source that is a list":  {body: `{"source":["a"]}`, json: true},
		"a source with a template": {body: `{"source":"${batch.id}%{for x in y}"}`, json: true},
		"a header of the fallback": {body: fallbackHeader(), json: true},
		"half a header":            {body: `{"logpipe_batch":1`},
		"16 MiB":                   {body: `{"source":"large","pad":"` + strings.Repeat("x", 16<<20-27) + `"}`, json: true},
	}
})

// fallbackHeader is a line as the fallback writes it in front of a batch, with the right sum: the file must not take it for its own.
func fallbackHeader() string {
	h := `{"logpipe_batch":1,"id":"01J00000000000000000000000","partition":"","time":"2026-01-02T15:04:05Z","count":1,"bytes":1,"crc32c":"00000000"`
	return h + fmt.Sprintf(`,"sum":"%08x"}`, crc32.Checksum([]byte(h), crc32.MakeTable(crc32.Castagnoli)))
}

// Producers that are faster than S3: the queue grows, the memory does not.
func TestFloodWhileS3IsSlow(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	store := w.ThroughStore()
	store.Break(proxy.Slow(256 << 10)) // each connection
	const n = 40_000
	p := w.Start(w.Env("GOMEMLIMIT=64MiB"), w.Config(held))
	w.Says(p, "input is open")
	w.Produce(n, "MESSAGE_SIZE=1000")
	w.Until("something is stored and the queue is long", func() bool { return len(w.Keys()) > 20 && w.Depth("log_queue") > n/4 })
	if _, ok := p.Find("batch can be written nowhere"); ok {
		t.Error("a slow server counts as one that is down")
	}
	peak := peakMemory(t, p.PID())
	t.Logf("the peak is %d MiB", peak>>20)
	if peak > 100<<20 {
		t.Errorf("the peak of the memory is %d MiB; the window is 8 MiB", peak>>20)
	}
	store.Heal()
	w.Until("all is stored", func() bool { return len(w.Keys()) >= n/50 })
	w.Taken("log_queue")
	w.Stops(p, 0)
	if all := w.Account(n, "log_queue"); all.Twice() != 0 {
		t.Errorf("%d messages are there twice", all.Twice())
	}
}
