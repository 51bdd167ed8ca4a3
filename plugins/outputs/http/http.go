package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

const doc = `Sends each batch as one POST.

A batch is stored when the answer has one of the codes in success; the body of the answer is not looked at, so a server that says 200 and lists failures in
it is not one for this output. The header Idempotency-Key has the batch's id and a checksum of the body: it is the same when a request is repeated, so that
the receiver can tell.

429 and 503 with Retry-After are obeyed: until that time, but for no longer than five minutes, nothing is sent. 413 sends the batch in
halves, and so do 400 and 422, to find the message that is meant. A single message that is refused so is a dead letter, but only if the receiver has taken
another within the last minute: one that refuses everything has a fault, or a configuration that is wrong, and the logs wait. So they do for every other
answer, redirects included, which are not followed: they could lead the logs and the token elsewhere.

As a fallback it gives nothing back: what falls there stays there.`

// Plugin is the output "http".
var Plugin = engine.NewOutput("http", doc, Defaults, New)

// New makes the output. The first Write connects.
func New(c Config, env engine.Env) (engine.Output, error) {
	o := &output{cfg: c, log: env.Log, version: env.Version, success: map[int]bool{}}
	name := c.Format
	if o.array = name == array; o.array {
		name = string(encode.Lines)
	}
	format, err := encode.FormatFor(name, env.Role)
	if err != nil {
		return nil, err
	}
	if o.encoder, err = encode.New(format, c.compression(), c.CompressionLevel); err != nil {
		return nil, err
	}
	for _, code := range c.Success {
		n, err := strconv.Atoi(code)
		if err != nil {
			return nil, engine.AttrErrorf("success", "%q is no status code", code)
		}
		o.success[n] = true
	}
	o.partitioned = slices.ContainsFunc(c.URL.Refs(), func(ref string) bool { return strings.HasPrefix(ref, partitionPrefix) })
	return o, nil
}

type output struct {
	cfg         Config
	log         *slog.Logger
	version     string
	encoder     *encode.Encoder
	array       bool
	partitioned bool // the URL depends on the partition
	success     map[int]bool

	pause     pause
	lastTaken atomic.Pointer[time.Time] // when the receiver last took something; nil is never

	mu     sync.Mutex
	client *http.Client // nil: none yet, or the last one is forgotten
}

// Write sends the batch, in parts where it must. What the format cannot carry is rejected.
func (o *output) Write(ctx context.Context, b *engine.Batch) error {
	target, err := o.target(b)
	if err != nil {
		return err
	}
	fail := func(err error) error { return fmt.Errorf("post to %s: %w", where(target), err) }
	if err := o.pause.wait(ctx); err != nil {
		return fail(err)
	}
	w := &write{o: o, ctx: ctx, b: b, target: target}
	all := make([]int, 0, len(b.Messages))
	for i := range b.Messages {
		if why := o.check(b.Messages[i].Body); why != nil {
			b.Reject(i, why)
			continue
		}
		all = append(all, i)
	}
	w.part(all)
	if err := w.result(); err != nil {
		return fail(err)
	}
	return nil
}

// Rehearse says where a batch is posted to, and rejects what the format cannot carry.
func (o *output) Rehearse(b *engine.Batch) (string, error) {
	target, err := o.target(b)
	if err != nil {
		return "", err
	}
	for i := range b.Messages {
		if why := o.check(b.Messages[i].Body); why != nil {
			b.Reject(i, why)
		}
	}
	return where(target), nil
}

// check returns why the format cannot carry a body.
func (o *output) check(body []byte) error {
	if !o.array {
		return o.encoder.Format().Check(body)
	}
	_, err := jsonscan.Check(body)
	return err
}

// encode packs the messages of b at these places.
func (o *output) encode(b *engine.Batch, at []int) (*encode.Buffer, error) {
	buffer := o.encoder.Buffer()
	for n, i := range at {
		m := &b.Messages[i]
		if o.array {
			separator := []byte(",")
			if n == 0 {
				separator = []byte("[")
			}
			buffer.AppendRaw(separator)
			buffer.AppendRaw(jsonscan.Trim(m.Body))
			continue
		}
		var reason error
		if i < len(b.Reasons) {
			reason = b.Reasons[i]
		}
		buffer.Append(m, reason)
	}
	if o.array {
		buffer.AppendRaw([]byte("]"))
	}
	if err := buffer.Finish(); err != nil {
		buffer.Release()
		return nil, fmt.Errorf("pack the batch: %w", err)
	}
	return buffer, nil
}

func (o *output) contentType() string {
	switch {
	case o.cfg.ContentType != "":
		return o.cfg.ContentType
	case o.array:
		return "application/json"
	}
	return "application/x-ndjson"
}

// trusted says whether the receiver has taken something a short while ago, so that a refusal is about the message.
func (o *output) trusted() bool {
	last := o.lastTaken.Load()
	return last != nil && time.Since(*last) < time.Minute // by the clock that nobody sets back
}

// Close closes the connections.
func (o *output) Close(context.Context) error {
	o.forget()
	return nil
}

var errPaused = errors.New("the server asked to be left alone for longer")
