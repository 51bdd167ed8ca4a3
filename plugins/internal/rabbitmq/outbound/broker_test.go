package outbound

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// method is one frame of a broker.
func method(channel uint16, id uint32, arguments ...byte) []byte {
	b, start := beginFrame(nil, framing.Method, channel)
	return endFrame(append(binary.BigEndian.AppendUint32(b, id), arguments...), start)
}

func confirm(channel uint16, id uint32, tag uint64, all byte) []byte {
	return method(channel, id, append(binary.BigEndian.AppendUint64(nil, tag), all)...)
}

// wrote is a frame that a client wrote.
type wrote struct {
	kind    byte
	channel uint16
	method  uint32
	bytes   []byte
}

// script is the broker's side of a connection, as far as the library must be answered: the handshake, and the opening and closing of
// channels. A real broker would not show the bytes that it gets. Other frames go to frames.
type script struct {
	net.Conn
	frames chan wrote
}

func (s *script) serve() {
	defer close(s.frames)
	in := bufio.NewReader(s)
	if _, err := io.CopyN(io.Discard, in, greeting); err != nil {
		return
	}
	table := []byte{0, 0, 0, 0}
	s.Write(method(0, 10<<16|10, append(append([]byte{0, 9}, table...), "\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US"...)...))
	for {
		head, err := in.Peek(framing.Head)
		if err != nil {
			return
		}
		w := wrote{kind: head[0], channel: binary.BigEndian.Uint16(head[1:])}
		w.bytes = make([]byte, framing.Head+int(binary.BigEndian.Uint32(head[3:]))+1)
		if _, err := io.ReadFull(in, w.bytes); err != nil {
			return
		}
		if w.kind == framing.Method {
			w.method = binary.BigEndian.Uint32(w.bytes[framing.Head:])
		}
		switch w.method {
		case 10<<16 | 11: // start-ok
			s.Write(method(0, 10<<16|30, 0, 10, 0, 1, 0, 0, 0, 0)) // tune: 10 channels, frames of 64 KiB, no heartbeat
		case 10<<16 | 31: // tune-ok
		case 10<<16 | 40: // open
			s.Write(method(0, 10<<16|41, 0))
		case 10<<16 | 50: // close
			s.Write(method(0, 10<<16|51))
		case channelOpen:
			s.Write(method(w.channel, 20<<16|11, 0, 0, 0, 0))
		case channelClose:
			s.Write(method(w.channel, channelCloseOK))
		default:
			s.frames <- w
		}
	}
}

// start connects the library, with a Wire below it, to a script.
func start(tb testing.TB) (*script, *Wire, *amqp.Connection) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	s := &script{Conn: server, frames: make(chan wrote, 10_000)}
	go s.serve()
	w := NewWire(client)
	conn, err := amqp.Open(w, amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{}}, Vhost: "/"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		conn.Close()
		server.Close()
	})
	return s, w, conn
}

// open opens a channel of the library, and a Channel on it.
func open(tb testing.TB, s *script, w *Wire, conn *amqp.Connection) (*amqp.Channel, *Channel) {
	tb.Helper()
	var ch *amqp.Channel
	id, err := w.Opened(func() (err error) { ch, err = conn.Channel(); return err })
	if err != nil {
		tb.Fatal(err)
	}
	c, err := w.Confirm(id, conn.Config.FrameSize)
	if err != nil {
		tb.Fatal(err)
	}
	if f := <-s.frames; f.method != confirmSelect || f.channel != id {
		tb.Fatalf("the first frame is %+v", f)
	}
	return ch, c
}
