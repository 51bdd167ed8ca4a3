package outbound

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// batch publishes n messages and writes them.
func batch(t *testing.T, c *Channel, n int) {
	t.Helper()
	route, err := c.Route("", "key", true)
	if err != nil {
		t.Fatal(err)
	}
	c.Begin(n, func() {})
	for range n {
		if err := c.Publish(route, &amqp.Publishing{Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
}

// A confirm that is counted for another message than its own makes that one look stored.
func TestConfirms(t *testing.T) {
	s, w, conn := start(t)
	_, c := open(t, s, w, conn)
	other, idle := open(t, s, w, conn)
	const taken, refused, all = basicAck, basicNack, 1
	base := uint64(0)
	for _, words := range []struct {
		say  [][]byte
		want string
	}{
		{[][]byte{confirm(c.id, taken, 4, all)}, "1111"},
		{[][]byte{confirm(c.id, taken, 0, all)}, "1111"},
		{[][]byte{confirm(c.id, taken, 3, 0), confirm(c.id, taken, 1, 0), confirm(c.id, taken, 4, all)}, "1111"},
		{[][]byte{confirm(c.id, refused, 2, 0), confirm(c.id, taken, 4, all)}, "1211"},
		{[][]byte{confirm(c.id, taken, 1, 0), confirm(c.id, refused, 3, all), confirm(c.id, taken, 4, 0)}, "1221"},
		{[][]byte{confirm(c.id, taken, 2, 0), confirm(c.id, taken, 2, 0), confirm(c.id, refused, 9, all), confirm(idle.id, taken, 3, all),
			confirm(c.id, refused, 4, all)}, "2122"},
	} {
		batch(t, c, 4)
		for _, b := range words.say {
			tag := &b[framing.Head+framing.MethodHead+7]
			if *tag > 0 {
				*tag += byte(base)
			}
			for i := range b { // in as many pieces as there can be
				s.Write(b[i : i+1])
			}
		}
		c.Wait(0, nil)
		got := ""
		for _, status := range c.End() {
			got += string('0' + rune(status))
		}
		if got != words.want {
			t.Errorf("%q: statuses %s, want %s", words.say, got, words.want)
		}
		base += 4
	}
	// What came in between was the library's, and it still knows where it is.
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

// The library uses the number of a closed channel again. A message of the old one that got into the new one would shift its count of confirms: each would
// be taken for the one of the message before.
func TestClosedChannelWritesNothing(t *testing.T) {
	for name, end := range map[string]func(*script, *amqp.Channel) error{
		"by us": func(_ *script, ch *amqp.Channel) error { return ch.Close() },
		"by the broker": func(s *script, ch *amqp.Channel) error {
			closed := ch.NotifyClose(make(chan *amqp.Error, 1))
			s.Write(method(1, channelClose, 1, 148, 0, 0, 60, 0, 40))
			<-closed
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, w, conn := start(t)
			ch, old := open(t, s, w, conn)
			route, err := old.Route("", "key", true)
			if err != nil {
				t.Fatal(err)
			}
			old.Begin(1, func() {})
			if err := old.Publish(route, &amqp.Publishing{Body: []byte("old")}); err != nil {
				t.Fatal(err)
			}
			if err := end(s, ch); err != nil {
				t.Fatal(err)
			}
			if name == "by the broker" {
				<-s.frames // close-ok
			}
			ch, c := open(t, s, w, conn)
			for c.id != old.id { // the library goes once round
				if err := ch.Close(); err != nil {
					t.Fatal(err)
				}
				ch, c = open(t, s, w, conn)
			}
			if err := old.Flush(); err == nil {
				t.Error("a closed channel can be written to")
			}
			batch(t, c, 1)
			if got := take(s, 1); bytes.Contains(got, []byte("old")) {
				t.Errorf("the new channel has written %q", got)
			}
			s.Write(confirm(c.id, basicAck, 1, 0))
			c.Wait(0, nil)
		})
	}
}

// A frame that the library writes in pieces is its own until its end: what came between would be read as a part of it.
func TestNobodyWritesIntoAFrame(t *testing.T) {
	s, w, conn := start(t)
	open(t, s, w, conn)
	frame := appendFrame(nil, framing.Heartbeat, 0, nil)
	for cut := 1; cut < len(frame); cut++ {
		for i, piece := range [][]byte{frame[:cut], frame[cut:]} {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
			free := w.out.TryLock()
			if free {
				w.out.Unlock()
			}
			if free != (i == 1) {
				t.Errorf("after %d bytes of a frame others may write: %v", cut, free)
			}
		}
	}
	if _, err := conn.Channel(); err != nil { // the library's count of frames was not disturbed
		t.Error(err)
	}
}

// The library and several Channels write at the same time. A frame that is cut by another one ends the connection.
func TestFramesAreNotMixed(t *testing.T) {
	s, w, conn := start(t)
	var wg sync.WaitGroup
	theirs, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	var channels []*Channel
	for range 3 {
		_, c := open(t, s, w, conn)
		channels = append(channels, c)
	}
	wg.Go(func() { // longer than the library's buffer: it writes this in several pieces
		for range 50 {
			if err := theirs.Publish("", "library", false, false, amqp.Publishing{Body: make([]byte, 30_000)}); err != nil {
				t.Error(err)
			}
		}
	})
	for _, c := range channels {
		wg.Go(func() {
			for range 50 {
				batch(t, c, 20)
				c.Wait(0, nil)
				c.End()
			}
		})
	}
	published := map[uint16]uint64{}
	bytesOf := map[uint16]int{}
	for bytesOf[1] < 50*30_000 || len(published) < 4 || slices.ContainsFunc([]uint16{2, 3, 4}, func(id uint16) bool { return published[id] < 1000 }) {
		f, ok := <-s.frames
		if !ok {
			t.Fatal("the connection has ended")
		}
		if f.bytes[len(f.bytes)-1] != framing.End {
			t.Fatalf("a frame ends with %d", f.bytes[len(f.bytes)-1])
		}
		switch {
		case f.kind == framing.Body:
			bytesOf[f.channel] += len(f.bytes) - framing.Head - 1
		case f.method == basicPublish:
			published[f.channel]++
			s.Write(confirm(f.channel, basicAck, published[f.channel], 0))
		}
	}
	wg.Wait()
}

// A writer may hand over its frames in pieces of any size. A close that is not seen lets messages into the wrong channel.
func FuzzParser(f *testing.F) {
	f.Add([]byte{3, 1, 20}, uint16(5), 3000)
	f.Add([]byte{255}, uint16(0), 0)
	f.Fuzz(func(t *testing.T, cuts []byte, channel uint16, size int) {
		if size < 0 || size > 100_000 {
			t.Skip("no frame is so long")
		}
		stream := append([]byte("AMQP\x00\x00\x09\x01"), method(channel, channelOpen, 0)...)
		stream = appendFrame(stream, framing.Body, channel, make([]byte, size))
		stream = append(stream, method(channel, channelCloseOK)...)
		stream = append(stream, framing.Heartbeat, 0, 0, 0, 0, 0, 0, framing.End)
		stream = append(stream, method(0, channelClose, make([]byte, 9)...)...)
		var p parser
		var seen []uint32
		for i := 0; len(stream) > 0; i++ {
			n := len(stream)
			if i < len(cuts) {
				n = min(n, int(cuts[i]))
			}
			p.read(stream[:n], func(ch uint16, m uint32) {
				if m != channelClose && ch != channel {
					t.Errorf("method %x is on channel %d", m, ch)
				}
				seen = append(seen, m)
			})
			stream = stream[n:]
		}
		if p.within() || !slices.Equal(seen, []uint32{channelOpen, channelCloseOK, channelClose}) {
			t.Errorf("saw %x, within %v", seen, p.within())
		}
	})
}
