package http

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// post sends the messages at these places in one request. A *refusal is what the server said.
func (o *output) post(ctx context.Context, target string, b *engine.Batch, at []int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.cfg.Timeout, errSlow)
	defer cancel()
	client, err := o.connect()
	if err != nil {
		return err
	}
	buffer, err := o.encode(b, at)
	if err != nil {
		return err
	}
	content := &content{buffer: buffer}
	defer func() {
		content.release() // net/http may go on reading after an early answer
		buffer.Release()
	}()
	r, err := o.request(ctx, target, b.ID, content)
	if err != nil {
		return err
	}
	response, err := client.Do(r)
	if err != nil {
		return o.explain(ctx, target, err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, mostSaid)) // the status says enough, if the rest does not come
	if o.success[response.StatusCode] {
		return nil
	}
	return o.refuse(response, said)
}

// mostSaid is how much of an answer is read. A connection with a longer one is closed and not used again.
const mostSaid = 16 << 10

// errSlow is the cause of a context that ended because a request took too long.
var errSlow = errors.New("the request took too long")

func (o *output) request(ctx context.Context, target, id string, content *content) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, content.open())
	if err != nil {
		return nil, errors.New("the URL is not valid") // the error repeats the URL, which may have a secret in it
	}
	r.ContentLength = content.buffer.Size()
	r.GetBody = func() (io.ReadCloser, error) { return content.open(), nil } // for a connection that was closed while it was idle
	h := r.Header
	h.Set("User-Agent", strings.TrimSuffix("logpipe/"+o.version, "/"))
	for name, value := range o.cfg.Headers {
		h.Set(name, value)
	}
	h.Set("Content-Type", o.contentType())
	if pack := o.encoder.Compression(); pack != encode.None {
		h.Set("Content-Encoding", string(pack))
	}
	h.Set("Idempotency-Key", key(id, content.buffer))
	o.login(r)
	return r, nil
}

// login says who we are.
func (o *output) login(r *http.Request) {
	if o.cfg.Username != "" {
		r.SetBasicAuth(o.cfg.Username, o.cfg.Password.Reveal())
	}
	if token := o.cfg.Token.Reveal(); token != "" {
		scheme := o.cfg.TokenScheme
		if scheme == "" && http.CanonicalHeaderKey(o.cfg.TokenHeader) == authorization {
			scheme = "Bearer"
		}
		r.Header.Set(o.cfg.TokenHeader, strings.TrimSpace(scheme+" "+token))
	}
}

// key names what is sent. The batch's id alone would not do: after a part was refused, what is left would go under the name of the whole.
func key(id string, data *encode.Buffer) string {
	sum := sha256.New()
	for _, part := range data.Parts() {
		sum.Write(part) // it never fails
	}
	return fmt.Sprintf("%s-%x", url.PathEscape(id), sum.Sum(nil)[:8])
}

// content is the body of a request, which nobody reads any more once it is released.
type content struct {
	mu     sync.Mutex
	buffer *encode.Buffer // nil: released
}

func (c *content) open() io.ReadCloser {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buffer == nil {
		return &contentReader{content: c}
	}
	return &contentReader{content: c, from: c.buffer.Reader()}
}

func (c *content) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buffer = nil
}

type contentReader struct {
	*content
	from *encode.Reader
}

var errReleased = errors.New("the request is over")

// Read copies, so that nobody keeps a part of the memory.
func (r *contentReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buffer == nil {
		return 0, errReleased
	}
	return r.from.Read(p)
}

// Close implements io.Closer.
func (r *contentReader) Close() error { return nil }
