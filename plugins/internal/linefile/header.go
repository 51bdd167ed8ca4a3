package linefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/internal/ourwords"
)

// header is a header line as encoding/json reads it.
type header struct {
	Version   int    `json:"logpipe_batch"`
	ID        any    `json:"id"`
	Partition any    `json:"partition"`
	Time      string `json:"time"`
	Count     int    `json:"count"`
	Bytes     int64  `json:"bytes"`
	Sum       string `json:"crc32c"`
	Pipeline  any    `json:"pipeline"`
	SealedBy  any    `json:"sealed_by"`
	Lengths   []int  `json:"lengths"`
	Times     []any  `json:"times"`
	Meta      []*struct {
		ID         any `json:"id"`
		Key        any `json:"key"`
		Headers    any `json:"headers"`
		Properties any `json:"properties"`
	} `json:"meta"`
}

func parseHeader(line []byte) (*header, error) {
	tail := len(line) - sumTail
	if tail < 0 || string(line[tail:tail+len(sumName)]) != sumName {
		return nil, errors.New("header without a sum")
	}
	want := appendSum(nil, checksum(line[:tail]))
	if !bytes.Equal(line[tail+len(sumName):len(line)-2], want) {
		return nil, errors.New("header with a wrong sum")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	h := &header{}
	if err := d.Decode(h); err != nil {
		return nil, fmt.Errorf("header: %w", ourwords.Of(err))
	}
	switch {
	case h.Version != version:
		return nil, fmt.Errorf("header of version %d, and this logpipe reads version %d", h.Version, version)
	case h.Count < 1 || h.Bytes < int64(h.Count):
		return nil, fmt.Errorf("header with count %d and bytes %d", h.Count, h.Bytes)
	case h.Lengths != nil && len(h.Lengths) != h.Count,
		h.Times != nil && len(h.Times) != h.Count,
		h.Meta != nil && len(h.Meta) != h.Count:
		return nil, errors.New("header with a list that has not one entry a message")
	}
	return h, nil
}

// fill makes the batch that the header and body describe.
func (h *header) fill(b *engine.Batch, body []byte) (err error) {
	if sum := appendSum(nil, checksum(body)); string(sum) != h.Sum {
		return errors.New("messages with a wrong sum")
	}
	if b.ID, err = text(h.ID); err != nil {
		return fmt.Errorf("id: %w", ourwords.Of(err))
	}
	if b.Partition, err = text(h.Partition); err != nil {
		return fmt.Errorf("partition: %w", ourwords.Of(err))
	}
	if b.SealedBy, err = text(h.SealedBy); err != nil {
		return fmt.Errorf("sealed_by: %w", ourwords.Of(err))
	}
	if b.Time, err = parseTime(h.Time); err != nil {
		return fmt.Errorf("time: %w", ourwords.Of(err))
	}
	b.Messages = make([]engine.Message, h.Count)
	if err := h.bodies(b.Messages, body); err != nil {
		return err
	}
	for i := range b.Messages {
		if err := h.annotate(&b.Messages[i], i, b.Time); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return nil
}

func (h *header) bodies(messages []engine.Message, body []byte) error {
	at := 0
	for i := range messages {
		n := bytes.IndexByte(body[at:], '\n')
		if h.Lengths != nil {
			n = h.Lengths[i]
		}
		if n < 0 || n >= len(body)-at || body[at+n] != '\n' {
			return fmt.Errorf("message %d has no end", i)
		}
		messages[i].Body = body[at : at+n : at+n]
		at += n + 1
	}
	if at != len(body) {
		return fmt.Errorf("%d bytes behind the last message", len(body)-at)
	}
	return nil
}

// annotate gives a message its time and what was known of it.
func (h *header) annotate(m *engine.Message, i int, batch time.Time) (err error) {
	m.Time = batch
	if h.Times != nil {
		if m.Time, err = messageTime(h.Times[i], batch); err != nil {
			return fmt.Errorf("time: %w", ourwords.Of(err))
		}
	}
	if h.Meta == nil || h.Meta[i] == nil {
		return nil
	}
	known := &meta{}
	if known.id, err = text(h.Meta[i].ID); err != nil {
		return fmt.Errorf("id: %w", ourwords.Of(err))
	}
	if known.key, err = text(h.Meta[i].Key); err != nil {
		return fmt.Errorf("key: %w", ourwords.Of(err))
	}
	headers, err := value(h.Meta[i].Headers)
	if err != nil {
		return fmt.Errorf("headers: %w", ourwords.Of(err))
	}
	known.headers, _ = headers.(map[string]any)
	properties, err := value(h.Meta[i].Properties)
	if err != nil {
		return fmt.Errorf("properties: %w", ourwords.Of(err))
	}
	known.properties, _ = properties.(map[string]any)
	m.Meta = known
	return nil
}

func messageTime(v any, batch time.Time) (time.Time, error) {
	switch v := v.(type) {
	case json.Number:
		after, err := strconv.ParseInt(v.String(), 10, 64)
		return batch.Add(time.Duration(after)), err
	case string:
		return parseTime(v)
	}
	return time.Time{}, errors.New("neither a text nor a number where one should be")
}
