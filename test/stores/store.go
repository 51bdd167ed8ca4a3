package stores

import (
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/servers"
)

// Store keeps objects in memory. Its methods may be called from several goroutines.
type Store struct {
	URL    string // through the front
	Behind string // past the front, for tests that look at what is stored
	CA     string // file with the certificate of URL; empty for plain HTTP

	AccessKey, SecretKey, Region string

	front   Front
	mu      sync.Mutex
	buckets map[string]map[string]Object
	asked   []Asked
}

// Object is what is stored.
type Object struct {
	Body   []byte
	Header http.Header // of the upload
	at     time.Time
}

// Asked is a request that came and how it was answered.
type Asked struct {
	Method, Path string
	Status       int
	Code         string // of the error
	Header       http.Header
}

// Start runs a store behind a front, with an empty bucket "logs". It ends with the test.
func Start(tb testing.TB, front Front) *Store { return start(tb, front, (*httptest.Server).Start) }

// StartTLS is Start with https, over which clients may send a body in another form.
func StartTLS(tb testing.TB, front Front) *Store {
	s := start(tb, front, (*httptest.Server).StartTLS)
	return s
}

func start(tb testing.TB, front Front, listen func(*httptest.Server)) *Store {
	tb.Helper()
	s := &Store{front: front, AccessKey: "fake-access-key", SecretKey: "fake/secret+key", Region: front.region(),
		buckets: map[string]map[string]Object{"logs": {}}}
	serve := func(front Front, listen func(*httptest.Server)) *httptest.Server {
		server := httptest.NewUnstartedServer(handler{s, front})
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		listen(server)
		tb.Cleanup(server.Close)
		return server
	}
	before := serve(front, listen)
	s.URL, s.Behind = before.URL, serve(Front{Regions: front.Regions}, (*httptest.Server).Start).URL
	if c := before.Certificate(); c != nil {
		s.CA = filepath.Join(tb.TempDir(), "ca.pem")
		if err := os.WriteFile(s.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// Server is the store past its front, as the tests know servers.
func (s *Store) Server() *servers.S3 {
	return &servers.S3{Endpoint: s.Behind, AccessKey: s.AccessKey, SecretKey: s.SecretKey, Region: s.Region}
}

// Objects are those of a bucket, by their keys.
func (s *Store) Objects(bucket string) map[string]Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.buckets[bucket])
}

// Asked are the requests that came through the front, in order.
func (s *Store) Asked() []Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *Store) note(r *http.Request, status int, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, Asked{r.Method, r.URL.Path, status, code, r.Header.Clone()})
}

// put stores an object, if the bucket is there.
func (s *Store) put(bucket, key string, o Object) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[bucket]
	if ok {
		b[key] = o
	}
	return ok
}

func (s *Store) get(bucket, key string) (o Object, isBucket, isObject bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, isBucket := s.buckets[bucket]
	o, isObject = b[key]
	return o, isBucket, isObject
}

// list is a page of keys behind one of them, in order.
func (s *Store) list(bucket, after, prefix string, most int) (keys []string, more, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[bucket]
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if key > after && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	if len(keys) > most {
		return keys[:most], true, ok
	}
	return keys, false, ok
}
