package rabbitmq

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine/enginetest"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// stream makes what a broker sends.
type stream struct {
	bytes.Buffer
	frame int // longest payload of a body frame
}

func (s *stream) send(kind byte, channel uint16, payload []byte) {
	s.WriteByte(kind)
	binary.Write(s, binary.BigEndian, channel)
	binary.Write(s, binary.BigEndian, uint32(len(payload)))
	s.Write(payload)
	s.WriteByte(framing.End)
}

func (s *stream) method(channel, class, method uint16, arguments ...byte) {
	p := binary.BigEndian.AppendUint16(nil, class)
	s.send(framing.Method, channel, append(binary.BigEndian.AppendUint16(p, method), arguments...))
}

func (s *stream) heartbeat() { s.send(framing.Heartbeat, 0, nil) }

func appendShort(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }

// deliver sends a delivery to the consumer "c" of channel 1. properties are the flags and what follows them; between, if there is one, is called
// between two frames.
func (s *stream) deliver(tag uint64, exchange, key string, properties, body []byte, between func()) {
	p := appendShort(nil, "c")
	p = append(binary.BigEndian.AppendUint64(p, tag), 0)
	s.method(1, 60, 60, appendShort(appendShort(p, exchange), key)...)
	header := append(binary.BigEndian.AppendUint16(nil, 60), 0, 0)
	header = binary.BigEndian.AppendUint64(header, uint64(len(body)))
	step := func(kind byte, payload []byte) {
		if between != nil {
			between()
		}
		s.send(kind, 1, payload)
	}
	step(framing.Header, append(header, properties...))
	for len(body) > 0 {
		n := min(len(body), s.frame)
		step(framing.Body, body[:n])
		body = body[n:]
	}
}

// came is a delivery in a form in which two can be compared.
type came struct {
	Tag      uint64
	Delivery amqp.Delivery
	Body     string
}

// collector is a Receiver that keeps copies.
type collector struct{ got []came }

func (c *collector) Receive(list []Incoming) {
	for i := range list {
		d := *list[i].Meta.decoded()
		c.got = append(c.got, came{list[i].Tag, d, string(list[i].Body)})
	}
}

// tapped is what a tap takes out of a stream, and what it passes on.
func tapped(from io.Reader) ([]came, []byte, error) {
	t, c := newTap(from), &collector{}
	t.take("q", c)
	passed, err := io.ReadAll(t)
	return c.got, passed, err
}

// through is what the library makes of the same stream, sent to the one consumer of a connection. Where the connection ends with the stream, the
// library may forget the last ones.
func through(tb testing.TB, sent []byte, ends bool) (got []came) {
	conn, err := amqp.Open(newFake(sent, ends), amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{}}, FrameSize: maxFrame})
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		tb.Fatal(err)
	}
	deliveries, err := ch.Consume("q", "c", false, false, false, false, nil)
	if err != nil {
		return nil // the stream began with an end
	}
	for d := range deliveries {
		tag, body := d.DeliveryTag, d.Body
		d.Acknowledger, d.Body, d.ConsumerTag, d.DeliveryTag, d.Redelivered = nil, nil, "", 0, false
		got = append(got, came{tag, d, string(body)})
	}
	return got
}

// fake answers as much of a handshake as the library needs, and sends the stream to the first consumer.
type fake struct {
	*io.PipeReader
	answers *io.PipeWriter
	asked   *io.PipeWriter
}

func (f *fake) Write(p []byte) (int, error) { return f.asked.Write(p) }
func (f *fake) Close() error {
	f.answers.Close()
	return errors.Join(f.asked.Close(), f.PipeReader.Close())
}

func newFake(sent []byte, ends bool) *fake {
	in, answers := io.Pipe()
	questions, asked := io.Pipe()
	go func() {
		defer questions.Close()
		defer answers.Close()
		io.CopyN(io.Discard, questions, 8) // the protocol's name
		var start stream
		start.method(0, 10, 10, append([]byte{0, 9, 0, 0, 0, 0, 0, 0, 0, 5}, "PLAIN\x00\x00\x00\x05en_US"...)...)
		answers.Write(start.Bytes())
		for {
			head := make([]byte, framing.Head)
			if _, err := io.ReadFull(questions, head); err != nil {
				return
			}
			payload := make([]byte, framing.At(head).Size+1)
			if _, err := io.ReadFull(questions, payload); err != nil {
				return
			}
			answer, last := answerTo(payload, sent)
			if _, err := answers.Write(answer); err != nil || last && ends {
				return
			}
		}
	}()
	return &fake{in, answers, asked}
}

func answerTo(payload, sent []byte) (answer []byte, last bool) {
	var s stream
	if len(payload) < framing.MethodHead {
		return nil, false
	}
	switch binary.BigEndian.Uint32(payload) {
	case 10<<16 | 11: // start-ok
		s.method(0, 10, 30, binary.BigEndian.AppendUint32([]byte{0, 0}, maxFrame)...)
		s.Truncate(s.Len() - 1)
		s.Bytes()[framing.Head-1] += 2
		s.Write([]byte{0, 0, framing.End}) // the heartbeat
	case 10<<16 | 40:
		s.method(0, 10, 41, 0)
	case 20<<16 | 10:
		s.method(1, 20, 11, 0, 0, 0, 0)
	case 60<<16 | 20:
		s.method(1, 60, 21, 1, 'c')
		s.Write(sent)
		s.method(1, 60, 30, 1, 'c', 1) // cancel: so the library gives out all that came before
		last = true
	case 10<<16 | 50:
		s.method(0, 10, 51)
	}
	return s.Bytes(), last
}

// properties makes a content header's flags and properties from what p has.
func properties(tb testing.TB, p amqp.Publishing) []byte {
	tb.Helper()
	var written bytes.Buffer
	record := newFake(nil, false)
	conn, err := amqp.Open(struct {
		io.ReadCloser
		io.Writer
	}{record, io.MultiWriter(record, &written)}, amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{}}, FrameSize: maxFrame})
	if err != nil {
		tb.Fatal(err)
	}
	ch, err := conn.Channel()
	if err != nil {
		tb.Fatal(err)
	}
	before := written.Len()
	if err := ch.Publish("", "", false, false, p); err != nil {
		tb.Fatal(err)
	}
	b := written.Bytes()[before:]
	b = b[framing.At(b).Total():]
	payload, err := payload(b, framing.At(b))
	if err != nil || payload == nil {
		tb.Fatal("no header frame", err)
	}
	payload = bytes.Clone(payload[contentHead:])
	conn.Close()
	return payload
}

func full() amqp.Publishing {
	return amqp.Publishing{
		ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: 2, Priority: 3, CorrelationId: "c", ReplyTo: "r", Expiration: "1000",
		MessageId: "m", Type: "t", UserId: "u", AppId: "a",
		Headers: amqp.Table{
			"nil": nil, "bool": true, "i8": int8(-1), "i16": int16(-2), "i32": int32(-3), "i64": int64(-4), "u8": byte(1), "u16": uint16(2),
			"u32": uint32(3), "f32": float32(1.5), "f64": 2.5, "text": "x", "bytes": []byte{1}, "decimal": amqp.Decimal{Scale: 2, Value: 314},
			"list": []any{int8(1), amqp.Table{"a": byte(1)}}, "table": amqp.Table{"b": amqp.Table{"c": []any{}}}, strings.Repeat("n", 255): "",
		},
	}
}

var same = cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateNaNs(), cmpopts.IgnoreFields(amqp.Delivery{}, "Acknowledger"), cmpopts.IgnoreUnexported(amqp.Delivery{})}

// A delivery that the tap reads otherwise than the library is a changed message, and one that it overlooks is acked with the next ones: lost. Whatever the
// pieces are in which the bytes come, the two must agree, and everything that is no delivery must go through untouched.
func TestTapReadsLikeTheLibrary(t *testing.T) {
	rich, none := properties(t, full()), []byte{0, 0}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := stream{frame: []int{100, maxFrame - framing.Overhead}[seed%2]}
		var rest stream // what is not a delivery
		other := func() {
			if random.IntN(4) == 0 {
				s.heartbeat()
				rest.heartbeat()
			}
		}
		for tag := range uint64(200) {
			size := []int{0, 1, 99, 100, 101, 262, 3000}[random.IntN(7)]
			if random.IntN(40) == 0 {
				size = random.IntN(300 << 10)
			}
			var between func()
			if random.IntN(10) == 0 {
				between = other
			}
			p := none
			if random.IntN(3) == 0 {
				p = rich
			}
			s.deliver(tag+1, "exchange", fmt.Sprint("key", tag), p, bytes.Repeat([]byte{byte(tag)}, size), between)
			other()
		}
		want := through(t, s.Bytes(), false)
		if len(want) != 200 {
			t.Fatalf("the library got %d deliveries", len(want))
		}
		pieces := func(r io.Reader) io.Reader {
			return readerFunc(func(p []byte) (int, error) { return r.Read(p[:min(len(p), 1+random.IntN(5000))]) })
		}
		for name, from := range map[string]io.Reader{
			"whole": bytes.NewReader(s.Bytes()), "pieces": pieces(bytes.NewReader(s.Bytes())), "bytes": iotest.OneByteReader(bytes.NewReader(s.Bytes())),
			"error": iotest.DataErrReader(pieces(bytes.NewReader(s.Bytes()))),
		} {
			got, passed, err := tapped(from)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, same); diff != "" {
				t.Fatalf("seed %d, %s: %s", seed, name, diff)
			}
			if !bytes.Equal(passed, rest.Bytes()) {
				t.Fatalf("seed %d, %s: %d bytes are passed on, not %d", seed, name, len(passed), rest.Len())
			}
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// What is not AMQP, or not a delivery, is the library's to the last byte: it says what is wrong with it.
func TestTapPassesOn(t *testing.T) {
	for _, text := range []string{"", "A", "AMQP\x00\x00\x09\x01", "HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat("x", 70000), "\x01\x00", "\x01\x00\x00\x00\x00\x00\x04\x00\x3c"} {
		got, passed, err := tapped(iotest.OneByteReader(strings.NewReader(text)))
		if len(got) != 0 || string(passed) != text || err != nil {
			t.Errorf("%q: %d deliveries, %q passed on, error %v", text, len(got), passed, err)
		}
	}
}

// Half a delivery is none, and must not become one with the beginning of the next.
func TestDeliveryThatIsNotComplete(t *testing.T) {
	var whole stream
	whole.frame = 10
	whole.deliver(1, "", "k", []byte{0, 0}, []byte("twenty bytes of body"), nil)
	for cut := range whole.Len() - 1 {
		got, _, _ := tapped(bytes.NewReader(whole.Bytes()[:cut]))
		if len(got) != 0 {
			t.Fatalf("%d bytes of %d make a delivery", cut, whole.Len())
		}
	}
	frames := bytes.SplitAfter(whole.Bytes(), []byte{framing.End})
	var s stream
	s.frame = 10
	s.Write(bytes.Join(frames[:3], nil)) // without its last frame
	s.deliver(2, "", "k", []byte{0, 0}, []byte("whole"), nil)
	got, _, err := tapped(bytes.NewReader(s.Bytes()))
	if err != nil || len(got) != 1 || got[0].Tag != 2 || got[0].Body != "whole" {
		t.Errorf("got %v, error %v", got, err)
	}
}

// A broken stream ends the connection: what comes after it could be anything.
func TestBrokenDeliveries(t *testing.T) {
	var s stream
	s.frame = 1000
	s.deliver(1, "", "k", []byte{0, 0}, []byte("body"), nil)
	for name, harm := range map[string]func([]byte){
		"method's end":    func(b []byte) { b[framing.At(b).Total()-1] = 0 },
		"body's end":      func(b []byte) { b[len(b)-1] = 0 },
		"a short name":    func(b []byte) { b[framing.Head+framing.MethodHead] = 200 },
		"a huge frame":    func(b []byte) { b[3] = 1 },
		"another class":   func(b []byte) { b[framing.At(b).Total()+framing.Head+1] = 61 },
		"a negative body": func(b []byte) { b[framing.At(b).Total()+framing.Head+4] = 0x80 },
	} {
		b := bytes.Clone(s.Bytes())
		harm(b)
		if got, _, err := tapped(bytes.NewReader(b)); err == nil || len(got) != 0 {
			t.Errorf("%s: %d deliveries, error %v", name, len(got), err)
		}
	}
}

// Messages are parts of blocks that are read into: one that is changed by a later read would be stored changed.
func TestTapKeepsWhatItGaveOut(t *testing.T) {
	var s stream
	s.frame = maxFrame - framing.Overhead
	random := rand.New(rand.NewPCG(1, 1))
	for tag := range uint64(2000) {
		s.deliver(tag+1, "", fmt.Sprint(tag), []byte{0, 0}, bytes.Repeat([]byte{byte(tag)}, random.IntN(2000)), nil)
	}
	tap := newTap(bytes.NewReader(s.Bytes()))
	var kept keeper
	tap.take("q", &kept)
	if _, err := io.ReadAll(tap); err != nil || len(kept) != 2000 {
		t.Fatal(len(kept), err)
	}
	for i, m := range kept {
		if m.Meta.RoutingKey() != fmt.Sprint(i) || cap(m.Body) != len(m.Body) {
			t.Fatalf("message %d was changed", i)
		}
		for _, b := range m.Body {
			if b != byte(i) {
				t.Fatalf("message %d was changed", i)
			}
		}
	}
}

// A block of 64 KiB for each 64 KiB that come, and nothing else: what the library allocated for a message was most of what it cost.
func TestBudgetTap(t *testing.T) {
	const n = 20_000
	s := stream{frame: maxFrame - framing.Overhead}
	rich := properties(t, full())
	for tag := range uint64(n) {
		s.deliver(tag+1, "exchange", "key", rich, make([]byte, 262), nil)
	}
	enginetest.Budget{Allocations: 0.02, Bytes: 1.1 * float64(s.Len()) / n}.Check(t, n, func() {
		var count counter
		tap := newTap(bytes.NewReader(s.Bytes()))
		tap.take("q", &count)
		if _, err := io.Copy(io.Discard, tap); err != nil || count != n {
			t.Fatal(count, err)
		}
	})
}

type counter int

func (c *counter) Receive(list []Incoming) { *c += counter(len(list)) }

// BenchmarkTap reads deliveries of 262 bytes. One op is one message.
func BenchmarkTap(b *testing.B) {
	s := stream{frame: maxFrame - framing.Overhead}
	for tag := range uint64(1000) {
		s.deliver(tag+1, "exchange", "key", []byte{0, 0}, make([]byte, 262), nil)
	}
	var count counter
	b.ReportAllocs()
	b.ResetTimer()
	for int(count) < b.N {
		tap := newTap(bytes.NewReader(s.Bytes()))
		tap.take("q", &count)
		io.Copy(io.Discard, tap)
	}
}

type keeper []Incoming

func (k *keeper) Receive(list []Incoming) { *k = append(*k, list...) }

// deliveriesOf cuts a stream off where the library reads otherwise than the standard says, or waits for ever: in front of
//   - a method that is no delivery to channel 1, which is the only one that is open, or whose length is not that of its frame: the library does not look at it;
//   - a frame that is not complete: what follows the stream would complete it;
//   - a content header whose flags go on in another word (4.2.6.1): the library takes that word for the first property.
func deliveriesOf(sent []byte) []byte {
	at := 0
	for len(sent) >= at+framing.Head {
		f := framing.At(sent[at:])
		if !f.Known() || len(sent) < at+f.Total() {
			break
		}
		p := sent[at+framing.Head : at+f.Total()-1]
		if f.Kind == framing.Method && (f.Channel != 1 || !isDelivery(p)) || f.Kind == framing.Header && goesOn(p) {
			break
		}
		at += f.Total()
	}
	return sent[:at]
}

func isDelivery(method []byte) bool {
	if len(method) < framing.MethodHead || binary.BigEndian.Uint32(method) != deliver {
		return false
	}
	_, err := readDelivered(method)
	return err == nil
}

func goesOn(header []byte) bool { return len(header) >= contentHead+2 && header[contentHead+1]&1 != 0 }

// FuzzTap sends bytes to the library and to the tap. What the library reads as deliveries, the tap must read, in the same order; it may read more, where the
// library gives up.
func FuzzTap(f *testing.F) {
	for _, size := range []int{0, 5, 30} {
		s := stream{frame: 10}
		s.deliver(1, "", "k", []byte{0, 0}, make([]byte, size), nil)
		s.heartbeat()
		s.deliver(2, "x", "key", properties(f, full()), make([]byte, size), s.heartbeat)
		f.Add(s.Bytes())
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		sent = deliveriesOf(sent)
		got, _, err := tapped(iotest.HalfReader(bytes.NewReader(sent)))
		for _, want := range through(t, sent, true) {
			for len(got) > 0 && !cmp.Equal(want, got[0], same) {
				got = got[1:]
			}
			if len(got) == 0 && err != nil {
				return // the tap ends the connection where the library is lenient
			}
			if len(got) == 0 {
				t.Fatalf("the library reads what the tap does not:\n%v", want)
			}
			got = got[1:]
		}
	})
}
