package stores

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// handler answers requests that come through a front.
type handler struct {
	*Store
	front Front
}

// ServeHTTP answers one request: first what stands before the store, then the store's rules, then the store.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	came := r.Clone(r.Context())
	if h.front.Before != nil && h.front.Before(w, r) {
		h.note(came, 0, "")
		return
	}
	if h.front.Way != nil {
		h.front.Way(r)
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	u := &Request{Request: r, Bucket: bucket, Key: key}
	refused := h.check(u)
	if refused == nil {
		refused = h.answer(w, u)
	}
	if refused == nil {
		h.note(came, http.StatusOK, "")
		return
	}
	h.note(came, refused.Status, refused.Code)
	refused.write(w, r)
}

// check verifies signature and body, and asks the rules of the front.
func (h handler) check(u *Request) *Refusal {
	if refused := verify(u.Request, h.Store, h.front.Regions); refused != nil {
		return refused
	}
	if refused := u.read(); refused != nil {
		return refused
	}
	for _, rule := range h.front.Rules {
		if refused := rule(u); refused != nil {
			return refused
		}
	}
	return nil
}

// answer does what is asked for.
func (h handler) answer(w http.ResponseWriter, u *Request) *Refusal {
	noBucket := &Refusal{Status: 404, Code: "NoSuchBucket", Message: "The specified bucket does not exist"}
	switch {
	case u.Method == http.MethodPut && u.Key == "":
		h.mu.Lock()
		defer h.mu.Unlock()
		h.buckets[u.Bucket] = map[string]Object{}
	case u.Method == http.MethodPut:
		if !h.put(u.Bucket, u.Key, Object{Body: u.Body, Header: u.Header.Clone(), at: time.Now()}) {
			return noBucket
		}
		w.Header().Set("ETag", etag(u.Body))
	case u.Key == "":
		return h.listing(w, u, noBucket)
	case u.Method == http.MethodGet || u.Method == http.MethodHead:
		return h.object(w, u, noBucket)
	default:
		return &Refusal{Status: 501, Code: "NotImplemented", Message: "The fake has no " + u.Method + " of an object"}
	}
	return nil
}

func (h handler) object(w http.ResponseWriter, u *Request, noBucket *Refusal) *Refusal {
	o, isBucket, isObject := h.get(u.Bucket, u.Key)
	switch {
	case !isBucket:
		return noBucket
	case !isObject:
		return &Refusal{Status: 404, Code: "NoSuchKey", Message: "The specified key does not exist."}
	}
	for name, values := range o.Header {
		if strings.HasPrefix(name, "X-Amz-Meta-") || strings.HasPrefix(name, "Content-") && name != "Content-Encoding" {
			w.Header()[name] = values
		}
	}
	if e := strings.TrimSuffix(o.Header.Get("Content-Encoding"), "aws-chunked"); e != "" {
		w.Header().Set("Content-Encoding", strings.TrimSuffix(e, ","))
	}
	w.Header().Set("ETag", etag(o.Body))
	http.ServeContent(w, u.Request, "", o.at, bytes.NewReader(o.Body))
	return nil
}

type listed struct {
	Key          string
	Size         int
	LastModified string
	ETag         string
}

func (h handler) listing(w http.ResponseWriter, u *Request, noBucket *Refusal) *Refusal {
	q := u.URL.Query()
	most, err := strconv.Atoi(q.Get("max-keys"))
	if err != nil || most <= 0 {
		most = 1000
	}
	keys, more, ok := h.list(u.Bucket, max(q.Get("continuation-token"), q.Get("start-after")), q.Get("prefix"), most)
	if !ok {
		return noBucket
	}
	page := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name                  string
		KeyCount              int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []listed
	}{Name: u.Bucket, KeyCount: len(keys), IsTruncated: more}
	for _, key := range keys {
		o, _, _ := h.get(u.Bucket, key)
		page.Contents = append(page.Contents, listed{key, len(o.Body), o.at.UTC().Format(time.RFC3339), etag(o.Body)})
	}
	if more {
		page.NextContinuationToken = keys[len(keys)-1]
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(page) // a client that is gone is its own affair
	return nil
}

func etag(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// Refusal is an error of the store.
type Refusal struct {
	Status        int
	Code, Message string
	More          string // elements of the error beside those
	Header        http.Header
}

func (f *Refusal) write(w http.ResponseWriter, r *http.Request) {
	for name, values := range f.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.Status)
	if r.Method != http.MethodHead {
		var message strings.Builder
		_ = xml.EscapeText(&message, []byte(f.Message))
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message>%s<RequestId>1</RequestId></Error>`, f.Code, message.String(), f.More)
	}
}
