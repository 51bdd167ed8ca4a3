package relp

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sender is one connection. A frame of RELP is a number that its answer repeats, a command, the length of the data, the data, and a line feed.
type sender struct {
	conn net.Conn
	in   *bufio.Reader

	mu  sync.Mutex
	out []byte // answers that are not sent yet
}

// patience is how long a sender may leave its answers unread.
const patience = 10 * time.Second

// receive reads frames until the connection ends.
func (p *sender) receive(s *session, maxMessage int64) error {
	for {
		txn, command, data, err := p.frame(maxMessage)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			select {
			case <-s.ended: // we closed it ourselves
				return nil
			default:
				return err
			}
		}
		switch command {
		case "open":
			p.answer(txn, "200 OK\nrelp_version=0\nrelp_software=logpipe\ncommands=syslog", true)
		case "close":
			p.answer(txn, "", true)
			return nil
		case "syslog":
			select {
			case s.arrived <- arrival{p, txn, data}:
			case <-s.ended:
				return nil
			}
		default:
			p.answer(txn, "500 unknown command", true)
		}
	}
}

// frame reads one frame. The data is a slice of its own, as long as its capacity: the engine keeps it.
func (p *sender) frame(maxMessage int64) (txn, command string, data []byte, err error) {
	if txn, err = p.word(); err != nil {
		return "", "", nil, err
	}
	if command, err = p.word(); err != nil {
		return "", "", nil, midway(err)
	}
	digits, end, err := p.length()
	if err != nil {
		return "", "", nil, midway(err)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > maxMessage {
		return "", "", nil, fmt.Errorf("a frame of %.20q bytes; there may be at most %d", digits, maxMessage)
	}
	data = make([]byte, n)
	if end == '\n' && n == 0 {
		return txn, command, data, nil
	}
	if _, err := io.ReadFull(p.in, data); err != nil {
		return "", "", nil, midway(err)
	}
	if c, err := p.in.ReadByte(); err != nil || c != '\n' {
		return "", "", nil, fmt.Errorf("frame %.20s does not end where it says", txn)
	}
	return txn, command, data, nil
}

// word reads up to a space.
func (p *sender) word() (string, error) {
	var w strings.Builder
	for {
		c, err := p.in.ReadByte()
		switch {
		case err != nil:
			return "", err
		case c == ' ':
			return w.String(), nil
		case w.Len() == 32:
			return "", fmt.Errorf("this is not RELP: %.32q", w.String())
		}
		w.WriteByte(c)
	}
}

// length reads the length of the data; a frame without data may end behind it.
func (p *sender) length() (digits string, end byte, err error) {
	var w strings.Builder
	for w.Len() < 10 {
		c, err := p.in.ReadByte()
		if err != nil || c == ' ' || c == '\n' {
			return w.String(), c, err
		}
		w.WriteByte(c)
	}
	return w.String(), 0, nil
}

// midway makes an end within a frame an error.
func midway(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// answer answers a frame; with send false it waits for the next one. A sender that does not read its answers is sent away: nobody waits for it.
func (p *sender) answer(txn, text string, send bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out = fmt.Appendf(p.out, "%s rsp %d", txn, len(text))
	if text != "" {
		p.out = fmt.Appendf(p.out, " %s", text)
	}
	p.out = append(p.out, '\n')
	if !send {
		return
	}
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience)) // a closed connection says so in Write
	if _, err := p.conn.Write(p.out); err != nil {
		_ = p.conn.Close()
	}
	p.out = p.out[:0]
}
