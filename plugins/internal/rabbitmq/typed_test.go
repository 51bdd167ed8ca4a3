package rabbitmq

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// headed is a delivery with these headers, as a tap gives it.
func headed(table []byte) Delivery {
	raw := make([]byte, 2+framing.Overhead+contentHead) // exchange and routing key are empty
	raw = binary.BigEndian.AppendUint16(raw, hasContentType|hasHeaders)
	raw = append(raw, 1, 'x')
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(table)))
	return Delivery{raw: append(raw, table...)}
}

// Who reads a message by its types reads something else after an outage if its headers come out of the fallback with others.
func TestHeadersKeepTheirTypesInTheFallbackFile(t *testing.T) {
	table := []byte("\x01aI\xff\xff\xff\xfb\x01bs\xff\xfb\x01cD\x02\x00\x00\x01\x3a\x01df\x3f\xc0\x00\x00\x01tF\x00\x00\x00\x04\x01eb\xfb\x01lA\x00\x00\x00\x03u\xea\x60")
	want := amqp.Table{"a": int32(-5), "b": int16(-5), "c": amqp.Decimal{Scale: 2, Value: 314}, "d": float32(1.5), "t": amqp.Table{"e": int8(-5)}, "l": []any{uint16(60000)}}
	sameOutOfTheFile(t, table, want)
}

// The broker counts in integers of 64 bits (x-delivery-count, x-death), and Java, Ruby and its own management page
// write small numbers so: they fit in 32 bits and must stay what they are.
func TestALongIntegerStaysLongInTheFallbackFile(t *testing.T) {
	sameOutOfTheFile(t, []byte("\x01al\x00\x00\x00\x00\x00\x00\x00\x03"), amqp.Table{"a": int64(3)})
	sameOutOfTheFile(t, []byte("\x01tF\x00\x00\x00\x0b\x01al\xff\xff\xff\xff\xff\xff\xff\xfb"), amqp.Table{"t": amqp.Table{"a": int64(-5)}})
}

// sameOutOfTheFile writes a message with a table of headers to a fallback file and reads it back.
func sameOutOfTheFile(t *testing.T, table []byte, want amqp.Table) {
	t.Helper()
	d := headed(table)
	at := time.Unix(1800000000, 0).UTC()
	b := &engine.Batch{ID: "b", Time: at, Messages: []engine.Message{{Body: []byte("1"), Time: at, Meta: &d}}}
	file := append(linefile.AppendHeader(nil, "", b), "1\n"...)
	back := &engine.Batch{}
	if _, err := linefile.NewUnsealer(bytes.NewReader(file), 0, int64(len(file)), at).Next(back); err != nil {
		t.Fatal(err)
	}
	p := NewPublishing(&back.Messages[0])
	if diff := cmp.Diff(want, p.Headers); diff != "" {
		t.Error(diff)
	}
	if p.ContentType != "x" {
		t.Errorf("the content type became %q", p.ContentType)
	}
}

// Headers that a file can tell as they are take no more room in it.
func TestHeadersOfTheFilesOwnTypesAreThereOnce(t *testing.T) {
	d := headed([]byte("\x01aS\x00\x00\x00\x01x\x01bl\x00\x00\x00\x01\x00\x00\x00\x05"))
	if _, twice := d.Properties()[typedHeaders]; twice {
		t.Error("they are there twice")
	}
}
