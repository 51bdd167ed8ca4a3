// Package stdout is the output that writes each message as a line to the standard output.
package stdout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Writes each message as a line to the standard output, to look at or to pipe into another program.

A message counts as delivered once the operating system has taken it: what the reader of a pipe had not read when it died is
gone. A message with a line break in it is a dead letter, because it would be two lines. As a dead_letter itself the output
writes the reason and the message in quotes, so that any message fits on a line.

On a terminal, control characters and escape codes in a message are shown as escapes such as \x1b: whoever may log could else
write anything on the screen. Files and pipes get each message byte for byte.`

// Plugin is the output "stdout".
var Plugin = engine.NewOutput("stdout", doc, Defaults, New)

// New makes the output.
func New(Config, engine.Env) (engine.Output, error) {
	return &output{to: os.Stdout, terminal: term.IsTerminal(int(os.Stdout.Fd()))}, nil
}

type output struct {
	to       io.Writer
	terminal bool

	mu   sync.Mutex // one batch at a time, or lines would mix
	buf  []byte
	half bool // the last write broke off inside a line
}

var errLineBreak = errors.New("the message has a line break in it, so it cannot be a line")

// Write writes the batch in one system call. After an error some of its lines may be out already; they come again.
func (o *output) Write(_ context.Context, b *engine.Batch) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = o.buf[:0]
	if o.half {
		o.buf = append(o.buf, '\n')
	}
	for i, m := range b.Messages {
		switch {
		case b.Reasons != nil:
			o.buf = appendDeadLetter(o.buf, m.Body, b.Reasons[i])
		case bytes.IndexByte(m.Body, '\n') >= 0:
			b.Reject(i, errLineBreak)
		case o.terminal:
			o.buf = append(appendVisible(o.buf, string(m.Body)), '\n')
		default:
			o.buf = append(append(o.buf, m.Body...), '\n')
		}
	}
	n, err := o.to.Write(o.buf)
	if n > 0 {
		o.half = o.buf[n-1] != '\n'
	}
	if err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

func appendDeadLetter(b, body []byte, reason error) []byte {
	b = appendVisible(b, strings.ReplaceAll(reason.Error(), "\n", " "))
	b = append(b, ": "...)
	return append(strconv.AppendQuote(b, string(body)), '\n')
}

// appendVisible appends text with escapes in the place of all that a terminal would not print but obey.
func appendVisible(b []byte, text string) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if r == '\t' || unicode.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b = append(b, text[:n]...)
		} else {
			quoted := strconv.Quote(text[:n])
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		text = text[n:]
	}
	return b
}

// Close leaves the standard output open: it is not ours.
func (o *output) Close(context.Context) error { return nil }
