package jsonscantest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Kinds are the kinds of log lines that Lines makes, by their length or by what most of them is.
func Kinds() []string { return []string{"100B", "262B", "1KiB", "10KiB", "strings", "numbers"} }

// Lines makes n log lines of a kind, the same ones every time and no two of them equal. Measure with some hundred: of a single one a
// processor learns the branches by heart.
func Lines(kind string, n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = line(r, kind, i)
	}
	return lines
}

func line(r *rand.Rand, kind string, seq int) []byte {
	record := fmt.Appendf(nil, `{"timestamp":"2026-01-02T15:04:%02d.%06dZ","source":"app%d","event":"%s","count":%d,"seq":%d`,
		r.IntN(60), r.IntN(1_000_000), r.IntN(20), pick(r, "login_failed", "high-cpu", "new_user"), r.IntN(5), 1_000_000+seq)
	switch kind {
	case "262B":
		record = fmt.Appendf(record, `,"level":"%s","host":"node-%d","message":"%s"`, pick(r, "info", "warn", "error"), r.IntN(200), words(r, 100))
	case "1KiB":
		record = fmt.Appendf(record, `,"request":%s,"message":"%s"`, request(r), words(r, 600))
	case "10KiB":
		for n := 0; len(record) < 10_000; n++ {
			record = fmt.Appendf(record, `,"span%d":{"request":%s,"message":"%s"}`, n, request(r), words(r, 200))
		}
	case "strings": // a stack trace, with escapes and text that is not ASCII
		record = append(record, `,"trace":"`...)
		for len(record) < 1000 {
			record = fmt.Appendf(record, `\n\tat com.example.%s(\"%s.java\":%d) – %s`, words(r, 20), words(r, 10), r.IntN(1000), pick(r, "größer", "日本語", "ok"))
		}
		record = append(record, '"')
	case "numbers": // what a device measured
		record = append(record, `,"values":[0`...)
		for len(record) < 1000 {
			record = fmt.Appendf(record, `,%d,%.3f,%.2e`, r.IntN(100_000), r.NormFloat64(), r.ExpFloat64())
		}
		record = append(record, ']')
	}
	return append(record, '}')
}

// request is an object with something of everything.
func request(r *rand.Rand) []byte {
	return fmt.Appendf(nil, `{"method":"%s","path":"/%s","status":%d,"took":%.3f,"tls":%t,"user":null,"tags":["%s","%s"],"peer":{"ip":"10.0.%d.%d","port":%d}}`,
		pick(r, "GET", "POST"), pick(r, "v1/orders", "healthz", "v1/users/17"), 200+r.IntN(300), r.Float64(), r.IntN(2) == 0,
		pick(r, "a", "beta", "canary"), pick(r, "eu", "us-east-1"), r.IntN(256), r.IntN(256), r.IntN(65536))
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

func words(r *rand.Rand, length int) string {
	var s strings.Builder
	for s.Len() < length {
		s.WriteString(pick(r, "user", "session", "request", "from", "accepted", "timeout", "disk", "node", "retry", "cache", "the", "for", "GET", "10.0.0.7"))
		s.WriteByte(' ')
	}
	return s.String()[:length]
}
