package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// What pipelines the bodies go through. In each, S3 is asked for keys without a partition, so that only the body decides.
const (
	throughLines    = `format = "lines"`
	throughEnvelope = `format = "envelope"`
)

func withoutJSON(format string) string {
	return `
pipeline "raw" {
  input "amqp" {
    url   = env("RABBITMQ_URL")
    queue = "log_queue"
  }
  processor "batch" {
    age   = "1s"
    bytes = "16MiB"
  }
  processor "retry" {
    attempts = 1
  }
  output "s3" {
    bucket   = env("S3_BUCKET")
    endpoint = env("S3_ENDPOINT")
    key      = "${batch.id}.ndjson"
    ` + format + `
  }
  fallback "file" {
    path = env("FALLBACK_PATH")
  }
  dead_letter "amqp" {
    url   = env("RABBITMQ_URL")
    queue = "log_dlq"
  }
}
`
}

// What is read back is what was sent, byte for byte, or it is a dead letter that says why, with all that the producer gave it: directly,
// and by way of the fallback file.
func TestAnyBody(t *testing.T) {
	for name, pipeline := range map[string]string{
		"pipeline.hcl":  edited(t, `age          = "5s"`, `age = "1s"`),
		"without json":  withoutJSON(throughLines),
		"with envelope": withoutJSON(throughEnvelope),
	} {
		for _, fallback := range []bool{false, true} {
			through := map[bool]string{false: ", directly", true: ", by the fallback"}[fallback]
			t.Run(name+through, func(t *testing.T) {
				t.Parallel()
				w := world.New(t)
				store := w.ThroughStore()
				if fallback {
					store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
				}
				p := w.Start(w.Env("RETRY_LIMIT=1"), w.Config(pipeline))
				w.Says(p, "input is open")
				publishBodies(w)
				w.Taken("log_queue")
				w.Stops(p, 0)
				if fallback {
					if len(w.Keys()) > 0 || w.InFallback().Places == 0 {
						t.Error("the file has nothing, so the test is not about it")
					}
					store.Heal()
					p = w.Start(w.Env(), w.Config(pipeline))
					w.Until("the fallback is home", func() bool { return w.InFallback().Places == 0 })
					w.Stops(p, 0)
				}
				want := expected(name == "pipeline.hcl", name == "without json")
				if diff := cmp.Diff(want.stored, arrived(w)); diff != "" {
					t.Errorf("stored (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want.dead, deadLetters(w, fallback)); diff != "" {
					t.Errorf("dead letters (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// places says for the name of each body how often it is there.
type places struct{ stored, dead map[string]int }

func expected(onlyJSON, lines bool) places {
	p := places{map[string]int{}, map[string]int{}}
	for name, b := range bodies() {
		if onlyJSON && !b.json || lines && strings.Contains(b.body, "\n") {
			p.dead[name] = 1
		} else {
			p.stored[name] = 1
		}
	}
	return p
}

// publishBodies sends each body with its name as id, and with every type of header.
func publishBodies(w *world.World) {
	w.TB.Helper()
	ch := channel(w)
	for name, b := range bodies() {
		m := amqp.Publishing{Body: []byte(b.body), MessageId: name, Headers: everyHeader(), DeliveryMode: amqp.Persistent}
		c, err := ch.PublishWithDeferredConfirmWithContext(w.TB.Context(), "", "log_queue", true, false, m)
		if err != nil {
			w.TB.Fatal(err)
		}
		if ok, err := c.WaitContext(w.TB.Context()); err != nil || !ok {
			w.TB.Fatalf("the broker did not take %s: %v", name, err)
		}
	}
}

func channel(w *world.World) *amqp.Channel {
	w.TB.Helper()
	conn, err := amqp.Dial(w.URL)
	if err != nil {
		w.TB.Fatal(err)
	}
	w.TB.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		w.TB.Fatal(err)
	}
	return ch
}

// everyHeader has a header of each type that the client can send.
func everyHeader() amqp.Table {
	return amqp.Table{
		"nil": nil, "bool": true, "int8": int8(-8), "uint8": uint8(200), "int16": int16(-16), "uint16": uint16(60_000), "int32": int32(-32),
		"uint32": uint32(4_000_000_000), "int64": int64(-1 << 62), "float32": float32(1.5), "float64": 1e300,
		"decimal": amqp.Decimal{Scale: 2, Value: 12345}, "text": "a\nb\x1b[31m\x00", "not UTF-8": "\xff\xfe", "bytes": []byte{0, 255},
		"time": time.Unix(1_700_000_000, 0), "list": []any{int64(1), "two", amqp.Table{"three": true}}, "table": amqp.Table{"deep": amqp.Table{"er": int64(4)}},
		"\x1b]0;title\a": "the name is poison", "x-death": "no list",
	}
}

// envelopeHeaders is what an envelope says of everyHeader.
const envelopeHeaders = `{"nil":null,"bool":true,"int8":-8,"uint8":200,"int16":-16,"uint16":60000,"int32":-32,"uint32":4000000000,
	"int64":-4611686018427387904,"float32":1.5,"float64":1e300,"decimal":123.45,"text":"a\nb\u001b[31m\u0000","not UTF-8":{"base64":"//4="},
	"bytes":{"base64":"AP8="},"time":"2023-11-14T22:13:20Z","list":[1,"two",{"three":true}],"table":{"deep":{"er":4}},
	"\u001b]0;title\u0007":"the name is poison","x-death":"no list"}`

// plain is a header's value without its type.
func plain(v any) any {
	switch v := v.(type) {
	case amqp.Decimal:
		return fmt.Sprint(float64(v.Value) / math.Pow10(int(v.Scale)))
	case time.Time:
		return v.UTC().String()
	}
	return fmt.Sprint(v)
}

// deadLetters empties the dead-letter queue, and looks at what came with each. Those that were in the fallback before are stale.
func deadLetters(w *world.World, stale bool) map[string]int {
	w.TB.Helper()
	found, all := map[string]int{}, bodies()
	for ch := channel(w); ; {
		d, ok, err := ch.Get("log_dlq", true)
		var refused *amqp.Error
		if !ok || errors.As(err, &refused) && refused.Code == amqp.NotFound {
			return found
		}
		if err != nil {
			w.TB.Fatal(err)
		}
		found[d.MessageId]++
		if string(d.Body) != all[d.MessageId].body {
			w.TB.Errorf("the dead letter %s is another body, %.100q", d.MessageId, d.Body)
		}
		if why, _ := d.Headers["x-logpipe-error"].(string); why == "" {
			w.TB.Errorf("the dead letter %s does not say why", d.MessageId)
		}
		for name, want := range everyHeader() {
			got := d.Headers[name]
			if stale { // a file has one kind of whole number and one of others
				got, want = plain(got), plain(want)
			}
			if !cmp.Equal(got, want) {
				w.TB.Errorf("the dead letter %s has the header %q = %#v, not %#v", d.MessageId, name, got, want)
			}
		}
	}
}

// arrived names the bodies that are in the bucket. One that was not sent has its beginning for a name.
func arrived(w *world.World) map[string]int {
	w.TB.Helper()
	names := map[string]string{}
	for name, b := range bodies() {
		names[b.body] = name
		if b.oneLine != "" {
			names[b.oneLine] = name
		}
	}
	found := map[string]int{}
	for _, key := range w.Keys() {
		for line := range bytes.Lines(object(w, key)) {
			body := string(bytes.TrimSuffix(line, []byte("\n")))
			if strings.HasPrefix(body, `{"time":`) {
				body = opened(w, body)
			}
			name, ok := names[body]
			if !ok {
				name = body[:min(len(body), 100)]
			}
			found[name]++
		}
	}
	return found
}

// opened is the body in an envelope.
func opened(w *world.World, line string) string {
	w.TB.Helper()
	var e struct {
		ID      string
		Headers json.RawMessage
		Body    string
		Base64  []byte `json:"body_base64"`
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		w.TB.Fatalf("an envelope is no JSON: %v", err)
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(e.Headers, &got), json.Unmarshal([]byte(envelopeHeaders), &want)); err != nil {
		w.TB.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.TB.Errorf("the headers of %s (-want +got):\n%s", e.ID, diff)
	}
	if e.Base64 != nil {
		return string(e.Base64)
	}
	return e.Body
}

// object is what is in one, unpacked.
func object(w *world.World, key string) []byte {
	w.TB.Helper()
	out, err := w.S3.Client().GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(w.Bucket), Key: aws.String(key)})
	if err != nil {
		w.TB.Fatal(err)
	}
	defer out.Body.Close()
	var r io.Reader = out.Body
	if strings.HasSuffix(key, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			w.TB.Fatal(err)
		}
	}
	text, err := io.ReadAll(r)
	if err != nil {
		w.TB.Fatal(err)
	}
	return text
}
