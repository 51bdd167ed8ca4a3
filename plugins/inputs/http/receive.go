package http

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// receive reads a request to its end and takes it apart. An answer as the error is the answer.
func (s *session) receive(r *http.Request, c *charge) (*parcel, error) {
	pack, ok := packing(r.Header.Values("Content-Encoding"))
	if !ok {
		return nil, wrongEncoding(strings.Join(r.Header.Values("Content-Encoding"), ", "))
	}
	split, err := splitter(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	limit := int(s.in.MaxBodyBytes)
	body, err := readBody(r, pack, limit, c)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, tooLarge(s.in.MaxBodyBytes)
	case err != nil:
		return nil, err
	}
	messages, err := split(body, spareMessages(), s.in.MaxMessages)
	if err != nil {
		spare(messages)
		return nil, err
	}
	if !c.take(len(messages) * messageSize) { // short lines take more memory so than by themselves
		spare(messages)
		return nil, tooManyBytes
	}
	p := &parcel{messages: messages, held: int64(cap(body)), settled: make(chan struct{})}
	if m := s.meta(r); m != nil {
		p.held += m.size
		for i := range messages {
			messages[i].Meta = m
		}
	}
	return p, nil
}

// messageSize is what a message takes beside its body.
var messageSize = int(reflect.TypeFor[engine.Message]().Size())

// unreadable is the answer to a body that could not be read.
func (s *session) unreadable(ctx context.Context, err error) answer {
	var a answer
	switch {
	case errors.As(err, &a):
		return a
	case errors.Is(err, os.ErrDeadlineExceeded):
		return tooSlow(s.in.ReadTimeout)
	case ctx.Err() != nil:
		return answer{}
	}
	return damaged("the body could not be read to its end", err)
}

// packing is how a body is packed.
func packing(encodings []string) (encode.Compression, bool) {
	name := strings.ToLower(strings.TrimSpace(strings.Join(encodings, ",")))
	switch name {
	case "", "identity":
		return encode.None, true
	case "gzip", "x-gzip":
		return encode.Gzip, true
	case "zstd":
		return encode.Zstd, true
	}
	return "", false
}

// splitter is what takes a body of that type apart.
func splitter(contentType string) (func(body []byte, into []engine.Message, most int) ([]engine.Message, error), error) {
	if contentType == "" {
		return lines, nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter):
		return nil, wrongType(contentType, "use application/x-ndjson or application/json")
	case media == "application/json", strings.HasSuffix(media, "+json"):
		return document, nil
	case media == "application/x-www-form-urlencoded":
		// This is what curl says with --data, which takes line feeds out: many messages would be one that is damaged.
		return nil, wrongType(contentType, "with curl, use --data-binary and --header 'Content-Type: application/x-ndjson'")
	case strings.HasPrefix(media, "multipart/"):
		return nil, wrongType(contentType, "use application/x-ndjson or application/json")
	}
	return lines, nil
}

const mostSpared = 1 << 14

// spares are the slices of messages of requests that are done with. Those that the engine took were given for others of its own.
var spares sync.Pool

func spareMessages() []engine.Message {
	if m, ok := spares.Get().(*[]engine.Message); ok {
		return (*m)[:0]
	}
	return nil
}

func spare(messages []engine.Message) {
	if cap(messages) > 0 && cap(messages) <= mostSpared { // one large request among small ones must not stay in memory
		clear(messages)
		messages = messages[:0]
		spares.Put(&messages)
	}
}

// meta is what all messages of a request know beside their bodies.
type meta struct {
	headers map[string]any
	size    int64
}

func (s *session) meta(r *http.Request) *meta {
	m := &meta{}
	for _, name := range s.in.Headers {
		if values := r.Header.Values(name); len(values) > 0 {
			if m.headers == nil {
				m.headers = map[string]any{}
			}
			value := strings.Join(values, ", ")
			m.headers[name] = value
			m.size += int64(len(name) + len(value))
		}
	}
	if m.headers == nil {
		return nil
	}
	return m
}

// ID implements engine.Meta: HTTP has none for a message.
func (m *meta) ID() string { return "" }

// RoutingKey implements engine.Meta.
func (m *meta) RoutingKey() string { return "" }

// Headers implements engine.Meta.
func (m *meta) Headers() map[string]any { return m.headers }
