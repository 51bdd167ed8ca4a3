// Package opensearch is an output that indexes messages by the bulk API of OpenSearch and Elasticsearch.
package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Indexes each message as a document, by the bulk API of OpenSearch and Elasticsearch.

A message that is no JSON object becomes the field "message" of one. What is no text in UTF-8, and what the index refuses, is a dead letter. What the server has no room for now is tried again.
Delivery is at least once: a batch whose answer was lost is indexed twice.`

// Plugin is the output "opensearch".
var Plugin = engine.NewOutput("opensearch", doc, func() Config { return Config{Timeout: 30 * time.Second} }, New)

// Config is the configuration of the output.
type Config struct {
	URL      string          `hcl:"url" doc:"Where the server is." example:"https://search.example.com:9200"`
	Index    engine.Template `hcl:"index" doc:"The index or data stream." example:"logs-${batch.date}"`
	User     string          `hcl:"user,optional" doc:"The user, for basic authentication."`
	Password engine.Secret   `hcl:"password,optional" doc:"Its password."`
	Timeout  time.Duration   `hcl:"timeout,optional" doc:"How long one request may take."`
}

// Validate finds a URL that no request can be made for.
func (c Config) Validate() error {
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return engine.AttrErrorf("url", "must be the base of a server, such as https://search.example.com:9200")
	}
	return nil
}

// New makes the output. It connects at the first write.
func New(c Config, _ engine.Env) (engine.Output, error) {
	return &output{c, &http.Client{Timeout: c.Timeout, Transport: http.DefaultTransport.(*http.Transport).Clone()}}, nil
}

type output struct {
	Config
	client *http.Client
}

// Write sends one request. It says of each message whether it is stored: that is a WriteError, when some are not.
func (o *output) Write(ctx context.Context, b *engine.Batch) error {
	index, err := o.Index.Render(b)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	sent := make([]int, 0, len(b.Messages)) // their places in the batch
	for i, m := range b.Messages {
		if !utf8.Valid(m.Body) {
			b.Reject(i, errors.New("no text in UTF-8, which a document must be"))
			continue
		}
		body.WriteString("{\"create\":{}}\n")
		writeDocument(&body, m.Body)
		sent = append(sent, i)
	}
	if len(sent) == 0 {
		return nil
	}
	items, err := o.post(ctx, "/"+url.PathEscape(index)+"/_bulk", &body)
	if err != nil {
		return err
	}
	if len(items) != len(sent) {
		return fmt.Errorf("bulk request: %d answers for %d documents", len(items), len(sent))
	}
	return failed(items, sent)
}

// writeDocument writes a message as one line. Neither way of writing it can fail: the one is valid JSON, the other a text.
func writeDocument(to *bytes.Buffer, message []byte) {
	object := bytes.TrimSpace(message)
	if len(object) > 0 && object[0] == '{' && json.Valid(object) {
		_ = json.Compact(to, object)
		to.WriteByte('\n')
		return
	}
	_ = json.NewEncoder(to).Encode(map[string]string{"message": string(message)})
}

// item is the answer for one document.
type item struct {
	Create struct {
		Status int `json:"status"`
		Error  struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
		} `json:"error"`
	} `json:"create"`
}

// failed names the messages that are not stored. The server refused 400 for what is in the document; all else passes.
func failed(items []item, sent []int) error {
	var failures []engine.Failure
	for i, it := range items {
		if it.Create.Status/100 == 2 {
			continue
		}
		err := fmt.Errorf("index document: %s: %s", it.Create.Error.Type, it.Create.Error.Reason)
		if it.Create.Status == http.StatusBadRequest {
			err = engine.Permanent(err)
		}
		failures = append(failures, engine.Failure{Index: sent[i], Err: err})
	}
	if failures == nil {
		return nil
	}
	return &engine.WriteError{Failed: failures}
}

// post makes the request. An error means that nothing counts as stored.
func (o *output) post(ctx context.Context, path string, body io.Reader) ([]item, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	if o.User != "" {
		req.SetBasicAuth(o.User, o.Password.Reveal())
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // only for people to read
		return nil, fmt.Errorf("bulk request: %s: %s", resp.Status, text)
	}
	var answer struct {
		Items []item `json:"items"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read the answer to a bulk request: %w", err)
	}
	return answer.Items, nil
}

// Close ends idle connections.
func (o *output) Close(context.Context) error {
	o.client.CloseIdleConnections()
	return nil
}
