//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/proxy"
)

// aFrame is the longest frame of a broker that nobody has set up otherwise. A content header goes in one.
const aFrame = 128 << 10

const largePipelines = `
# To another exchange, which it does not fit into.
pipeline "copy" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "in.copy"
    declare = "never"
  }
  output "amqp" {
    url              = env("RABBITMQ_URL")
    exchange         = "copy"
    keep_routing_key = true
  }
  dead_letter "amqp" {
    url              = env("RABBITMQ_URL")
    exchange         = "dead"
    keep_routing_key = true
  }
}

# To a file, and out of it again into objects.
pipeline "home" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "in.home"
    declare = "never"
  }
  processor "batch" {
    age = "1s"
  }
  output "s3" {
    bucket   = env("S3_BUCKET")
    region   = "us-east-1"
    endpoint = env("S3_ENDPOINT")
    key      = "home/${batch.id}.ndjson"
    format   = "envelope"
  }
  fallback "file" {
    path = env("FALLBACK_PATH")
  }
}

# To objects, by a condition on that header.
pipeline "store" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "in.store"
    declare = "never"
  }
  processor "filter" {
    keep     = "len(message.headers['h']) > 0"
    on_error = "drop" # then it would be missed
  }
  processor "batch" {
    age = "1s"
  }
  output "s3" {
    bucket      = env("S3_BUCKET")
    region      = "us-east-1"
    endpoint    = env("S3_ENDPOINT")
    key         = "store/${batch.id}.ndjson"
    format      = "envelope"
    compression = "gzip"
  }
}
`

// A broker splits no content header, so one that grows beyond a frame on its way, or that came from within the broker or by AMQP 1.0, goes to readers
// in a frame longer than was agreed. If this fails, such a message is lost, or takes its neighbours with it.
func TestHeadersLongerThanAFrame(t *testing.T) {
	s := newStage(t)
	s.expire()
	ch := s.Channel()
	for _, exchange := range []string{"copy", "dead"} {
		check(t, ch.ExchangeDeclare(exchange, "topic", true, false, false, false, nil))
	}
	for queue, exchange := range map[string]string{"copied": "copy", "letters": "dead", "dead.pika": "dead"} {
		s.queue(ch, queue)
		check(t, ch.QueueBind(queue, "#", exchange, false, nil))
	}
	for _, place := range []string{"copy", "home", "store"} {
		s.inbox("in." + place)
	}
	s.writeLarge(t)

	store := s.ThroughStore()
	store.Break(func(_ proxy.Context, w http.ResponseWriter, r *http.Request, pass http.Handler) error {
		if strings.Contains(r.URL.Path, "/home/") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return nil
		}
		pass.ServeHTTP(w, r)
		return nil
	})
	p := s.Start(s.Env(), s.Config(largePipelines))
	s.Until("all that shall come home is in the file", func() bool { return s.InFallback().Places > 0 && s.Depth("in.home") == 0 && s.Unacked("in.home") == 0 })
	store.Heal()
	for _, q := range []string{"in.copy", "in.home", "in.store"} {
		s.Taken(q)
	}
	s.ComesHome(p)

	small, large := s.split()
	for _, c := range storeReaders {
		if c.name != "duckdb" { // which takes objects of at most 16 MiB, and these are not all packed
			s.compareLarge(t, c, append(small, large...))
		}
	}
	if n := s.Depth("copied"); n != len(small) {
		t.Errorf("%d messages were copied, want %d", n, len(small))
	}
	s.lookLarge(t, large)
	s.readLarge(t, large)
}

// writeLarge lets clients write a message with a header that is longer than a frame, or becomes so, and a small one behind each.
func (s *stage) writeLarge(t *testing.T) {
	t.Helper()
	for _, name := range []string{"librabbitmq", "pika", "java", "proton", "rhea", "curl"} {
		if s.broker < 4 && (name == "proton" || name == "rhea") {
			continue // the plugin of 3.x puts the properties of the application, as bytes, into one header of its own
		}
		c := named(t, clients, []string{name})[0]
		job := s.task()
		if c.own {
			job.Large = 200_000
		} else {
			job.Messages = []outgoing{{Key: name + ".own.large", Exchange: "expire", Body: []byte("x"), Headers: map[string]value{header: {"S", strings.Repeat("x", aFrame-150)}}}}
		}
		var answer struct{ Sent, Cannot []string }
		c.call(t, "write", job, &answer)
		if len(answer.Sent) != 1 {
			t.Fatalf("%s wrote %v and could not write %v", name, answer.Sent, answer.Cannot)
		}
		beside := name + ".own.small"
		confirm, err := s.Channel().PublishWithDeferredConfirm(published, beside, true, false, amqp.Publishing{Headers: amqp.Table{header: "x"}, Body: []byte("x")})
		check(t, err)
		confirm.Wait()
		s.sent = append(s.sent, answer.Sent[0], beside)
	}
}

func (s *stage) split() (small, large []string) {
	for _, key := range s.sent {
		if strings.HasSuffix(key, ".small") {
			small = append(small, key)
		} else {
			large = append(large, key)
		}
	}
	return small, large
}

// whole reports whether a header is as it was written.
func whole(key string, v any) bool {
	h, _ := v.(string)
	if strings.HasSuffix(key, ".small") {
		return h == "x"
	}
	return len(h) >= aFrame-150 && strings.Trim(h, "x") == ""
}

func (s *stage) compareLarge(t *testing.T, c *client, keys []string) {
	t.Helper()
	found := map[string]int{}
	for _, o := range objects(t, c, s.S3, s.Bucket) {
		place, _, _ := strings.Cut(o.Key, "/")
		for line := range bytes.Lines(o.Text) {
			var e enveloped
			if decode(t, line, &e) {
				found[place+" "+e.RoutingKey]++
				if !whole(e.RoutingKey, e.Headers[header]) {
					t.Errorf("%s: %s of %s has another header", c.name, o.Key, e.RoutingKey)
				}
			}
		}
	}
	for _, key := range keys {
		for _, place := range []string{"home", "store"} {
			if n := found[place+" "+key]; n != 1 {
				t.Errorf("%s: %s is in %s %d times", c.name, key, place, n)
			}
		}
	}
}

// lookLarge looks at the dead letters with logpipe dlq, which has the headers in their place, and cannot send them back whole.
func (s *stage) lookLarge(t *testing.T, large []string) {
	t.Helper()
	for range 2 { // before a redrive in vain, and behind it
		var keys []string
		for at := range large {
			var l shownLetter
			decode(t, []byte(s.commandLine(t, 0, "dlq", "show", "letters", fmt.Sprint("--at=", at+1), "--json")), &l)
			if keys = append(keys, l.Origin.RoutingKey); !whole(l.Origin.RoutingKey, l.Headers[header]) || string(l.body()) != "x" {
				t.Errorf("%s is shown with a body of %d bytes, or another header", l.Origin.RoutingKey, len(l.body()))
			}
		}
		if slices.Sort(keys); !slices.Equal(keys, slices.Sorted(slices.Values(large))) {
			t.Errorf("the dead letters are %v", keys)
		}
		out := s.commandLine(t, 4, "dlq", "redrive", "letters", "--to-exchange", "copy", "--yes")
		if !strings.Contains(out, "properties and headers take") {
			t.Errorf("redrive does not say why they stay:\n%s", out)
		}
	}
}

// readLarge reads the dead letters with a client that is not ours: the longest header is behind the body, and is named.
func (s *stage) readLarge(t *testing.T, large []string) {
	t.Helper()
	letters := s.read(t, named(t, clients, []string{"pika"})[0], "dead")["dead"]
	for _, key := range large {
		l, ok := letters[key]
		if !ok {
			t.Errorf("%s is no dead letter", key)
			continue
		}
		if plain(l.Headers["x-logpipe-body-bytes"]) != "1" || !bytes.HasPrefix(l.Body, []byte("x")) || len(l.Body) < aFrame-150 || !strings.Contains(text(l.Headers["x-logpipe-left-out"]), `"h"`) {
			t.Errorf("%s has the headers %.300s and a body of %d bytes", key, text(l.Headers), len(l.Body))
		}
	}
}
