package opensearch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// server answers bulk requests as OpenSearch does, one item for each document.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	down bool
	docs [][]byte
	path string
}

func newServer(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		http.Error(w, "cluster_block_exception", http.StatusServiceUnavailable)
		return
	}
	s.path = r.URL.Path
	in := bufio.NewScanner(r.Body)
	in.Buffer(nil, 4<<20)
	var items []any
	for in.Scan() { // the action, whose document follows
		if !in.Scan() {
			break
		}
		items = append(items, map[string]any{"create": s.index([]byte(in.Text()))})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": true, "items": items})
}

func (s *server) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// index refuses what a test asks it to.
func (s *server) index(doc []byte) map[string]any {
	refuse := func(status int, kind string) map[string]any {
		return map[string]any{"status": status, "error": map[string]any{"type": kind, "reason": "as the test says"}}
	}
	switch {
	case strings.Contains(string(doc), `"unmapped"`):
		return refuse(http.StatusBadRequest, "mapper_parsing_exception")
	case strings.Contains(string(doc), `"busy"`):
		return refuse(http.StatusTooManyRequests, "rejected_execution_exception")
	}
	s.docs = append(s.docs, doc)
	return map[string]any{"status": http.StatusCreated}
}

func newOutput(t *testing.T, url string) engine.Output {
	t.Helper()
	o, err := New(Config{URL: url, Index: engine.Literal("logs"), Timeout: 30 * time.Second}, engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestSuite(t *testing.T) {
	servers := map[string]*server{}
	of := func(t *testing.T) *server {
		if servers[t.Name()] == nil {
			servers[t.Name()] = newServer(t)
		}
		return servers[t.Name()]
	}
	set := func(down bool) func(t *testing.T) { return func(t *testing.T) { of(t).set(down) } }
	enginetest.TestOutput(t, enginetest.OutputSuite{
		New: func(t *testing.T) engine.Output { return newOutput(t, of(t).URL) },
		Stored: func(t *testing.T) [][]byte {
			s := of(t)
			s.mu.Lock()
			defer s.mu.Unlock()
			var bodies [][]byte
			for _, doc := range s.docs {
				var text struct{ Message *string }
				if _ = json.Unmarshal(doc, &text); text.Message != nil {
					doc = []byte(*text.Message)
				}
				bodies = append(bodies, doc)
			}
			return bodies
		},
		Break: set(true), Mend: set(false),
	})
}

// One document that can never be indexed must not keep the others from being stored, nor become a reason to lose those that have no room now.
func TestEachDocumentHasItsOwnAnswer(t *testing.T) {
	s := newServer(t)
	b := enginetest.NewBatch([]byte(`{"a":1}`), []byte("\xff"), []byte(`{"unmapped":1}`), []byte(`{"busy":1}`), []byte("{\n\"a\": 2}"))
	err := newOutput(t, s.URL).Write(t.Context(), b)
	var failed *engine.WriteError
	if !errors.As(err, &failed) || len(failed.Failed) != 2 {
		t.Fatalf("got %v, want two failures", err)
	}
	for i, want := range []struct {
		index     int
		permanent bool
	}{{2, true}, {3, false}} {
		if f := failed.Failed[i]; f.Index != want.index || engine.IsPermanent(f.Err) != want.permanent {
			t.Errorf("message %d failed with %v, permanent: %v", f.Index, f.Err, engine.IsPermanent(f.Err))
		}
	}
	if _, rejected := engine.Marks(b); len(rejected) != 1 || rejected[1] == nil {
		t.Errorf("rejected: %v, want message 1", rejected)
	}
	if got := fmt.Sprintf("%s", s.docs); got != `[{"a":1} {"a":2}]` {
		t.Errorf("the index has %s", got)
	}
	if s.path != "/logs/_bulk" {
		t.Errorf("the request went to %s", s.path)
	}
}

func TestValidate(t *testing.T) {
	for url, good := range map[string]bool{"https://search.example.com:9200": true, "http://127.0.0.1:9200": true, "search:9200": false, "": false, "/logs": false} {
		if err := (Config{URL: url}).Validate(); (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
	}
}
