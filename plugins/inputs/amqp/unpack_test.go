package amqp

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

func gzipped(tb testing.TB, body string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, body); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// A producer that packs has its logs stored as it wrote them. What cannot be unpacked leaves its neighbours alone, and is kept as it came.
func TestPackedBodies(t *testing.T) {
	v := rabbittest.New(t)
	in := start(t, config(v), env(t))
	broken := gzipped(t, "broken")
	broken = broken[:len(broken)-3]
	v.Send("", "logs",
		amqp091.Publishing{Body: []byte("plain")},
		amqp091.Publishing{Body: gzipped(t, "packed"), ContentEncoding: "GZip", Headers: amqp091.Table{"a": "b"}},
		amqp091.Publishing{Body: broken, ContentEncoding: "gzip", Headers: amqp091.Table{"a": "c"}},
		amqp091.Publishing{Body: gzipped(t, "by kombu"), ContentEncoding: "utf-8", Headers: amqp091.Table{"compression": "application/x-gzip"}},
		amqp091.Publishing{Body: []byte("a header of the same name"), Headers: amqp091.Table{"compression": "none of ours"}},
		amqp091.Publishing{Body: gzipped(t, strings.Repeat("\x00", 17<<20)), ContentEncoding: "gzip"},
		amqp091.Publishing{Body: []byte("last"), ContentEncoding: "utf-8"})
	var bodies []string
	var packed engine.Message
	failed := map[int]string{}
	chunks := readAll(t, in, 7)
	for _, b := range chunks {
		_, rejected := engine.Marks(b)
		for i, why := range rejected {
			failed[len(bodies)+i] = why.Error()
		}
		for _, m := range b.Messages {
			if string(m.Body) == "packed" {
				packed = m
			}
			bodies = append(bodies, string(m.Body))
		}
	}
	for i, want := range []string{"plain", "packed", string(broken), "by kombu", "a header of the same name", "", "last"} {
		if i != 5 && bodies[i] != want {
			t.Errorf("body %d is %q", i, bodies[i])
		}
	}
	if len(failed) != 2 || !strings.Contains(failed[2], "no whole gzip") || !strings.Contains(failed[5], "max_unpacked_bytes") {
		t.Errorf("rejected %v", failed)
	}
	if packed.Meta == nil {
		t.Fatal("not unpacked")
	}
	if p := rabbitmq.NewPublishing(&packed); string(p.Body) != "packed" || p.ContentEncoding != "" || p.Headers["a"] != "b" {
		t.Errorf("published on as %q, encoding %q, headers %v", p.Body, p.ContentEncoding, p.Headers)
	}
	if p := rabbitmq.NewDeadLetter(&packed); !bytes.Equal(p.Body, gzipped(t, "packed")) || p.ContentEncoding != "GZip" {
		t.Errorf("dead letter %q, encoding %q", p.Body, p.ContentEncoding)
	}
	packed.Body = []byte("redacted")
	if p := rabbitmq.NewDeadLetter(&packed); string(p.Body) != "redacted" || p.ContentEncoding != "" {
		t.Errorf("what a processor took away is back: %q, encoding %q", p.Body, p.ContentEncoding)
	}
	ack(t, in, chunks...)
	shut(t, in)
	v.WaitReady("logs", 0)
}

// Who forwards packed bodies untouched must be able to.
func TestUnpackIsSwitchedOff(t *testing.T) {
	v := rabbittest.New(t)
	c := config(v)
	c.Unpack = false
	in := start(t, c, env(t))
	body := gzipped(t, "packed")
	v.Send("", "logs", amqp091.Publishing{Body: body, ContentEncoding: "gzip"})
	b := read(t, in)
	if !bytes.Equal(b.Messages[0].Body, body) {
		t.Errorf("%q", b.Messages[0].Body)
	}
	shut(t, in)
}

// Bodies that grow a thousandfold are counted as what they are and come in chunks of the usual size: what a chunk holds, nobody can refuse any more.
func TestUnpackedBodiesAreCounted(t *testing.T) {
	v := rabbittest.New(t)
	e := env(t)
	e.Window.Bytes = 64 << 20
	in := start(t, config(v), e)
	const n, size = 40, 1 << 20
	body := gzipped(t, strings.Repeat("x", size))
	messages := make([]amqp091.Publishing, n)
	for i := range messages {
		messages[i] = amqp091.Publishing{Body: body, ContentEncoding: "gzip"}
	}
	v.Send("", "logs", messages...)
	held := int64(0)
	var chunks []*engine.Batch
	for left := n; left > 0; {
		b := read(t, in)
		left -= len(b.Messages)
		chunks = append(chunks, b)
		held += b.Bytes() + b.MetaBytes
		if b.Bytes() > 2*size {
			t.Errorf("a chunk of %d bytes", b.Bytes())
		}
	}
	if got := in.session.credits[0].Holding(); got != held || held < n*size {
		t.Errorf("%d bytes are counted, %d are held", got, held)
	}
	ack(t, in, chunks...)
	if got := in.session.credits[0].Holding(); got != 0 {
		t.Errorf("%d bytes are left", got)
	}
	shut(t, in)
	v.WaitReady("logs", 0)
}

// kombu, and so celery, says how a body is packed in a header of its own, and calls zlib's frame gzip.
func TestKombuPacks(t *testing.T) {
	v := rabbittest.New(t)
	in := start(t, config(v), env(t))
	script := `
import sys
from kombu import Connection
with Connection(sys.argv[1]) as c:
    for how in ("gzip", "bzip2", "zlib"):
        c.Producer().publish({"how": how}, routing_key="logs", compression=how, serializer="json")
`
	out, err := exec.CommandContext(t.Context(), "python3", "-c", script, v.URL).CombinedOutput()
	if err != nil && bytes.Contains(out, []byte("No module named")) {
		t.Skip("kombu is not installed")
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []string
	for _, b := range readAll(t, in, 3) {
		for _, m := range b.Messages {
			got = append(got, string(m.Body))
		}
	}
	for i, how := range []string{"gzip", "bzip2", "zlib"} {
		if got[i] != `{"how": "`+how+`"}` {
			t.Errorf("%s: %q", how, got[i])
		}
	}
	shut(t, in)
}
