//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// asked are questions about the header h, and the values that they are true of, as GROUP.NUMBER of the list values.
var asked = []struct {
	name, when string
	of         []string
}{
	{"true", `message.headers['h'] == true`, []string{"t.0"}},
	{"negative", `type(message.headers['h']) == 'int' && message.headers['h'] < 0`, []string{"b.0", "b.1", "s.0", "I.2", "Imin.0", "l.1", "l.3"}},
	{"largest", `message.headers['h'] == 9223372036854775807`, []string{"l.2"}},
	{"unsigned", `message.headers['h'] == 200 || message.headers['h'] == 60000 || message.headers['h'] == 4000000000`, []string{"B.0", "u.0", "i.0"}},
	{"fraction", `message.headers['h'] == 1.5 || message.headers['h'] == 2.25 || message.headers['h'] == -3.14`, []string{"f.0", "d.0", "D.1"}},
	{"text", `type(message.headers['h']) == 'string' && message.headers['h'] startsWith 'Grüße'`, []string{"S.2"}},
	{"digit", `message.headers['h'] == '5'`, []string{"S.3"}}, // and no number
	{"list", `type(message.headers['h']) == 'array' && len(message.headers['h']) > 1000`, []string{"A.2"}},
	{"inner", `type(message.headers['h']) == 'map' && message.headers['h'].b == 'x'`, []string{"F.1"}},
	{"void", `'h' in message.headers && message.headers['h'] == nil`, []string{"V.0"}},
}

// A condition on a header is true of what the client wrote, whatever its type is in AMQP; and what is stored in zstd is read by a client that is
// not ours. If it fails, messages go to the wrong place.
func TestConditionsAreTrueOfEveryType(t *testing.T) {
	s := newStage(t)
	s.expire()
	s.inbox("in.asked")
	sent := map[string]bool{}
	var can int
	for _, c := range clients {
		if c.name != "librabbitmq" && c.name != "pika" && c.name != "java" && c.name != "amqplib" {
			continue
		}
		can++
		keys, _ := s.writeOne(t, c, "logpipe")
		for _, key := range keys {
			sent[key] = true
		}
	}
	if can != 4 {
		t.Fatalf("%d of 4 clients are there", can)
	}
	p := s.Start(s.Env(), s.Config(askedPipeline()))
	s.Says(p, "input is open")
	s.Taken("in.asked")
	s.Stops(p, 0)

	found := map[string][]string{}
	for _, o := range objects(t, storeReaders[0], s.S3, s.Bucket) {
		branch, _, _ := strings.Cut(o.Key, "/")
		if !strings.HasSuffix(o.Key, ".zst") || o.Type != "application/zstd" {
			t.Errorf("%s is of type %q", o.Key, o.Type)
		}
		for line := range bytes.Lines(o.Text) {
			var e enveloped
			if decode(t, line, &e) && e.RoutingKey != "" {
				found[branch] = append(found[branch], e.RoutingKey)
				delete(sent, e.RoutingKey)
			}
		}
	}
	packed := 0 // what nobody can unpack has no fields to be asked for: it is a dead letter
	for key := range sent {
		if _, what, _ := strings.Cut(key, "."); slices.Contains([]string{"packed.broken", "packed.no-gzip", "packed.unknown"}, what) {
			packed++
			delete(sent, key)
		}
	}
	if len(sent) > 0 {
		t.Errorf("%d messages are in no branch: %v", len(sent), slices.Sorted(maps.Keys(sent)))
	}
	if n := s.Depth("asked.dead"); n != packed || packed == 0 {
		t.Errorf("%d messages are dead letters, want the %d that cannot be unpacked", n, packed)
	}
	for _, q := range asked {
		if len(found[q.name]) == 0 {
			t.Errorf("%s: no message at all", q.name)
		}
		for _, key := range found[q.name] {
			if _, what, _ := strings.Cut(key, "."); !slices.Contains(q.of, what) {
				t.Errorf("%s is not true of %s", q.when, key)
			}
		}
		for _, what := range q.of {
			if key := "librabbitmq." + what; !slices.Contains(found[q.name], key) {
				t.Errorf("%s is true of %s", q.when, key)
			}
		}
	}
}

func askedPipeline() string {
	var out strings.Builder
	branch := func(name, which string) {
		fmt.Fprintf(&out, `
  branch %q {
    %s
    processor "batch" {
      age = "1s"
    }
    output "s3" {
      bucket      = env("S3_BUCKET")
      region      = "us-east-1"
      endpoint    = env("S3_ENDPOINT")
      key         = "%s/${batch.id}.ndjson"
      format      = "envelope"
      compression = "zstd"
    }
  }
`, name, which, name)
	}
	out.WriteString(`pipeline "asked" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "in.asked"
    declare = "never"
  }
`)
	for _, q := range asked {
		branch(q.name, fmt.Sprintf("when = %q", q.when))
	}
	branch("rest", "default = true")
	out.WriteString(`
  dead_letter "amqp" {
    url   = env("RABBITMQ_URL")
    queue = "asked.dead"
  }
}
`)
	return out.String()
}
