package batch

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine"
)

type meta struct{ key string }

func (m meta) ID() string              { return "" }
func (m meta) RoutingKey() string      { return m.key }
func (m meta) Headers() map[string]any { return nil }

func TestPartition(t *testing.T) {
	at := time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)
	by := func(fields ...string) []string { return fields }
	for _, c := range []struct {
		by   []string
		m    engine.Message
		want string
	}{
		{by(), engine.Message{Body: []byte(`{"a":1}`)}, ""},
		{by("a"), engine.Message{Body: []byte(`{"a":"x y"}`)}, "a=x%20y"},
		{by("a"), engine.Message{Body: []byte(`{"a":"\u00e4"}`)}, "a=%C3%A4"},
		{by("a", "b"), engine.Message{Body: []byte(`{"b":true,"a":1.50}`)}, "a=1.50/b=true"},
		{by("a"), engine.Message{Body: []byte(`{"a":null}`)}, "a=unknown"},
		{by("a"), engine.Message{Body: []byte(`{"a":""}`)}, "a=unknown"},
		{by("a"), engine.Message{Body: []byte(`{"a":[1]}`)}, "a=unknown"},
		{by("a"), engine.Message{Body: []byte(`not json`)}, "a=unknown"},
		{by("a.b"), engine.Message{Body: []byte(`{"a":{"b":"c"}}`)}, "a.b=c"},
		{by("@routing_key"), engine.Message{Meta: meta{"eu.app"}}, "routing_key=eu.app"},
		{by("@routing_key"), engine.Message{}, "routing_key=unknown"},
		{by("@date", "@hour"), engine.Message{Time: at}, "date=1969-12-31/hour=23"},
		{by("@hour", "@date"), engine.Message{Time: at.Add(time.Second)}, "hour=00/date=1970-01-01"},
	} {
		p := newPartitioner(with(func(cfg *Config) { cfg.PartitionBy = c.by }))
		if got := p.text(string(p.of(&c.m))); got != c.want {
			t.Errorf("%q of %s: got %q, want %q", c.by, c.m.Body, got, c.want)
		}
	}
}

// Two partitions must never be taken for one, however their values are made up.
func TestKeysDiffer(t *testing.T) {
	p := newPartitioner(with(func(c *Config) { c.PartitionBy = []string{"a", "b"} }))
	seen := map[string]string{}
	for _, body := range []string{`{"a":"x","b":"yz"}`, `{"a":"xy","b":"z"}`, `{"a":"xyz"}`, `{"b":"xyz"}`, `{"a":"x\u0001y","b":"z"}`} {
		key := string(p.of(&engine.Message{Body: []byte(body)}))
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have the same key", body, other)
		}
		seen[key] = body
	}
}

// A value that is too long for a path would make a batch that can never be written.
func TestLongValuesAreCut(t *testing.T) {
	p := newPartitioner(with(func(c *Config) { c.PartitionBy = []string{"a"} }))
	for _, value := range []string{strings.Repeat("x", 129), strings.Repeat("x", 126) + "日本", strings.Repeat("\xff", 300)} {
		key := string(p.of(&engine.Message{Body: []byte(`{"a":"` + value + `"}`)}))
		var cut string
		for _, cut = range engine.PartitionFields(p.text(key)) {
		}
		if len(cut) > maxValue || len(cut) < maxValue-4 || !strings.HasPrefix(value, cut) || utf8.ValidString(value) && !utf8.ValidString(cut) {
			t.Errorf("%q was cut to %q", value, cut)
		}
	}
}

// The clock keeps the last hour: times that jump about must not be written as the hour before.
func TestClock(t *testing.T) {
	c := clock{zone: time.UTC}
	at := time.Date(2026, 1, 1, 0, 30, 0, 0, time.FixedZone("", 1800))
	for _, d := range []time.Duration{0, time.Hour - 1, time.Hour, -1, 0, -100 * 365 * 24 * time.Hour, -56 * 365 * 24 * time.Hour, 1} {
		now := at.Add(d)
		c.set(now)
		if got, want := c.date+" "+c.hour, now.UTC().Format("2006-01-02 15"); got != want {
			t.Errorf("%v: got %s, want %s", now, got, want)
		}
	}
}
