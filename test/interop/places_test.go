package interop

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// pipelines bring everything that is published to the places. The URLs are put in by New: that of the broker, and that by way of which the
// fallback is needed.
const pipelines = `
# To another exchange.
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
}

# To the dead letter: the condition has an answer for nothing.
pipeline "dead" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "in.dead"
    declare = "never"
  }
  processor "filter" {
    keep     = "message.headers['there is no such header'] > 1"
    on_error = "dead_letter"
  }
  output "stdout" {}
  dead_letter "amqp" {
    url              = env("RABBITMQ_URL")
    exchange         = "dead"
    keep_routing_key = true
  }
}

# To a file, and out of it again when the broker can be reached.
pipeline "home" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "in.home"
    declare = "never"
  }
  processor "batch" {
    count = 100
    age   = "1s"
  }
  output "amqp" {
    url              = env("FAR_URL")
    exchange         = "home"
    keep_routing_key = true
  }
  fallback "file" {
    path = env("FALLBACK_PATH")
  }
}

# To objects, with what is known of each message in them.
pipeline "store" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "in.store"
    declare = "never"
  }
  processor "add_fields" {
    from = {
      header_    = "header.h"
      id_        = "id"
      key_       = "routing_key"
    }
    on_invalid = "pass"
  }
  processor "batch" {
    count = 200
    age   = "1s"
  }
  output "s3" {
    bucket      = env("S3_BUCKET")
    region      = env("AWS_REGION", "us-east-1")
    endpoint    = env("S3_ENDPOINT")
    key         = "envelope/${batch.id}.ndjson"
    format      = "envelope"
    compression = "gzip"
  }
}
`

// product lets all write, carries it to all places, and lets all read.
func (s *stage) product(t *testing.T) {
	t.Helper()
	s.expire()
	s.place("control", published)
	for _, p := range places {
		s.place(p.name, p.name)
		if p.name != "redriven" {
			s.inbox("in." + p.name)
		}
	}
	s.inbox("in.store")
	ch := s.Channel()
	s.queue(ch, "letters")
	check(t, ch.QueueBind("letters", "#", "dead", false, nil))
	s.lookers()

	s.write(t)
	s.carry(t)
	t.Run("read", func(t *testing.T) {
		for _, c := range s.readers() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				s.compare(t, c)
			})
		}
	})
	for _, c := range s.shown() {
		t.Run("shown/"+c.name, func(t *testing.T) { s.look(t, c) })
	}
	for _, c := range s.stores {
		t.Run("objects/"+c.name, func(t *testing.T) { s.compareObjects(t, c) })
	}
}

// carry runs logpipe until each place has everything.
func (s *stage) carry(t *testing.T) {
	t.Helper()
	began := time.Now()
	_, listen := s.ThroughRefusing()
	env := append(s.Env(), "FAR_URL="+s.ThroughURL(), "RABBITMQ_URL="+s.URL)
	p := s.Start(env, s.Config(pipelines))
	s.Until("all that shall come home is in the file", func() bool {
		return s.Depth("in.home") == 0 && s.Unacked("in.home") == 0
	})
	listen()
	for _, place := range []string{"copy", "dead", "home"} {
		s.arrive(place, s.sent)
	}
	for _, q := range []string{"in.copy", "in.dead", "in.home", "in.store"} {
		s.Taken(q)
	}
	s.Stops(p, 0)
	redrive := s.Start(s.Env(), "dlq", "redrive", "letters", "--url", s.URL, "--to-exchange", "redriven", "--yes")
	s.Exits(redrive, 0)
	s.arrive("redriven", s.sent)
	t.Logf("all %d messages went all ways in %v", len(s.sent), time.Since(began).Round(time.Second))
}

// compare reads what came out of the places beside what went in.
func (s *stage) compare(t *testing.T, c *client) {
	names := []string{"control"}
	for _, p := range places {
		names = append(names, p.name)
	}
	got := s.read(t, c, names...)
	control := got["control"]
	if c == clients[0] {
		s.control = control
	}
	want := 0
	for _, k := range s.sent {
		if c.can(k) {
			want++
		}
	}
	if len(control) != want {
		t.Errorf("the control queue had %d messages, want %d", len(control), want)
	}
	for _, p := range places {
		if len(got[p.name]) != len(control) {
			t.Errorf("%s had %d messages, want %d", p.name, len(got[p.name]), len(control))
		}
		wrong := 0
		for key, sent := range control {
			came, ok := got[p.name][key]
			if !ok {
				t.Errorf("%s: %s is missing", p.name, key)
				continue
			}
			if diff := p.difference(sent, came, s.packed[key]); diff != "" {
				if wrong++; wrong <= 40 {
					t.Errorf("%s: %s: %s", p.name, key, diff)
				}
			}
		}
	}
}

// difference tells what a place did to a message that it should not have done.
func (p place) difference(sent, came incoming, in *packed) string {
	want := sent.clone()
	if p.unpacks {
		in.unpacked(&want)
	}
	missing := p.strip(&want, &came)
	p.change(&want)
	plainProperties(&want)
	plainProperties(&came)
	diff := difference(want, came)
	for _, m := range missing {
		diff += "; no " + m
	}
	return diff
}

func (m incoming) clone() incoming {
	var c incoming
	if err := json.Unmarshal([]byte(text(m)), &c); err != nil {
		panic(err)
	}
	return c
}

// difference tells in which way two messages differ.
func difference(want, have incoming) string {
	var all []string
	add := func(what string, want, have any) {
		if w, h := text(want), text(have); w != h {
			all = append(all, what+": "+short(w)+" became "+short(h))
		}
	}
	add("body", want.Body, have.Body)
	for _, both := range []struct {
		what       string
		want, have map[string]any
	}{{"property", want.Properties, have.Properties}, {"header", want.Headers, have.Headers}} {
		for name := range both.want {
			add(both.what+" "+short(name), both.want[name], both.have[name])
		}
		for name := range both.have {
			if _, ok := both.want[name]; !ok {
				add(both.what+" "+short(name), nil, both.have[name])
			}
		}
	}
	return strings.Join(all, "; ")
}

func short(s string) string {
	if len(s) > 120 {
		return s[:60] + "…" + s[len(s)-40:]
	}
	return s
}
