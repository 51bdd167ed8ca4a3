package test

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rawWriter publishes content that no client library writes, but a client in another language, or with a bug, may: the frames of AMQP 0-9-1 (section 4.2) go
// to the broker as they are. The library opens the connection and the channel, and hears what the broker says.
type rawWriter struct {
	tb       testing.TB
	socket   net.Conn
	conn     *amqp.Connection
	confirms chan amqp.Confirmation
	closed   chan *amqp.Error
}

const rawFrame = 128 << 10

func newRawWriter(tb testing.TB, url string) *rawWriter {
	tb.Helper()
	w := &rawWriter{tb: tb}
	dial := func(network, address string) (c net.Conn, err error) {
		w.socket, err = net.Dial(network, address)
		return w.socket, err
	}
	conn, err := amqp.DialConfig(url, amqp.Config{Dial: dial, FrameSize: rawFrame})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	w.conn = conn
	w.open()
	return w
}

func (w *rawWriter) open() {
	w.tb.Helper()
	ch, err := w.conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		w.tb.Fatal(err)
	}
	w.confirms = ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	w.closed = ch.NotifyClose(make(chan *amqp.Error, 1))
}

func rawShort(text string) string { return string([]byte{byte(len(text))}) + text }

func rawLong(text string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text
}

func (w *rawWriter) frame(b []byte, kind byte, payload string) []byte {
	b = append(b, kind, 0, 1)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(append(b, payload...), 0xCE)
}

// publish sends one message to a queue. properties are the flags and what follows them. It returns why the broker did not take it.
func (w *rawWriter) publish(queue, properties, body string) error {
	w.tb.Helper()
	b := w.frame(nil, 1, "\x00\x3c\x00\x28\x00\x00"+rawShort("")+rawShort(queue)+"\x00")
	size := string(binary.BigEndian.AppendUint64(nil, uint64(len(body))))
	b = w.frame(b, 2, "\x00\x3c\x00\x00"+size+properties)
	for len(body) > 0 {
		n := min(len(body), rawFrame-8)
		b, body = w.frame(b, 3, body[:n]), body[n:]
	}
	if _, err := w.socket.Write(b); err != nil {
		return err
	}
	select {
	case c := <-w.confirms:
		if !c.Ack {
			return fmt.Errorf("refused")
		}
		return nil
	case err := <-w.closed:
		if w.conn.IsClosed() {
			return fmt.Errorf("the connection was closed: %w", err)
		}
		w.open()
		return err
	case <-time.After(30 * time.Second):
		return fmt.Errorf("no answer")
	}
}
