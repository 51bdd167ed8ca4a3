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

	"github.com/logpipe/logpipe/engine"
)

const doc = `Writes each message as a line to the standard output, to look at or to pipe into another program.

A message counts as delivered once the operating system has taken it: what the reader of a pipe had not read when it died is
gone. A message with a line break in it is a dead letter, because it would be two lines. As a dead_letter itself the output
writes the reason and the message in quotes, so that any message fits on a line.`

// Plugin is the output "stdout".
var Plugin = engine.NewOutput("stdout", doc, Defaults, New)

// New makes the output.
func New(Config, engine.Env) (engine.Output, error) { return &output{to: os.Stdout}, nil }

type output struct {
	to io.Writer

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
	b = append(b, strings.ReplaceAll(reason.Error(), "\n", " ")...)
	b = append(b, ": "...)
	return append(strconv.AppendQuote(b, string(body)), '\n')
}

// Close leaves the standard output open: it is not ours.
func (o *output) Close(context.Context) error { return nil }
