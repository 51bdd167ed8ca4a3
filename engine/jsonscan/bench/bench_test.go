// Package bench compares JSON validators: how fast they are, and whether they are right. It is a module of its own, so that the program does
// not depend on any of them.
package bench

import (
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/bytedance/sonic"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/minio/simdjson-go"
	segmentio "github.com/segmentio/encoding/json"
	"github.com/tidwall/gjson"

	"github.com/logpipe/logpipe/engine/jsonscan"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

var validators = []struct {
	name  string
	valid func([]byte) bool
}{
	{"jsonscan", func(b []byte) bool { _, err := jsonscan.Check(b); return err == nil }},
	{"encoding-json", stdjson.Valid},
	{"jsontext", func(b []byte) bool { return jsontext.Value(b).IsValid() }},
	{"jsontext-lax", func(b []byte) bool {
		return jsontext.Value(b).IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	}},
	{"sonic", sonic.ConfigStd.Valid},
	{"sonic-default", sonic.Valid},
	{"simdjson", simdjsonValid},
	{"segmentio", segmentio.Valid},
	{"gjson", gjson.ValidBytes},
}

var parsed *simdjson.ParsedJson // the library has no check alone, and says to use this again

func simdjsonValid(b []byte) bool {
	p, err := simdjson.Parse(b, parsed)
	if err == nil {
		parsed = p
	}
	return err == nil
}

func BenchmarkValid(b *testing.B) {
	for _, kind := range jsonscantest.Kinds() {
		lines := jsonscantest.Lines(kind, 256)
		length := 0
		for _, line := range lines {
			length += len(line)
		}
		for _, v := range validators {
			b.Run(kind+"/"+v.name, func(b *testing.B) {
				b.SetBytes(int64(length / len(lines)))
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					if !v.valid(lines[n%len(lines)]) {
						b.Fatal("invalid")
					}
				}
			})
		}
	}
}

// TestWhoIsRight shows where each differs from the suite and from encoding/json, which the program must agree with: what one lets pass,
// the other must be able to read. Only our own may not differ.
func TestWhoIsRight(t *testing.T) {
	for _, v := range validators {
		var wrong, free []string
		for _, c := range jsonscantest.Suite() {
			got := v.valid(append([]byte(nil), c.Body...))
			switch {
			case c.Name[:2] == "y_" && !got, c.Name[:2] == "n_" && got:
				wrong = append(wrong, c.Name)
			case c.Name[:2] == "i_" && got != stdjson.Valid(c.Body):
				free = append(free, c.Name)
			}
		}
		t.Logf("%-14s wrong: %d %s; other than encoding/json where both are allowed: %d", v.name, len(wrong), strings.Join(wrong, " "), len(free))
		if v.name == "jsonscan" && len(wrong)+len(free) > 0 {
			t.Errorf("jsonscan differs: %q %q", wrong, free)
		}
	}
}
