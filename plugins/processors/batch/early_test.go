package batch

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Most batches being sealed by a limit costs a request for a few messages each, which nothing else tells. Once is enough.
func TestBatchesThatALimitMakes(t *testing.T) {
	for _, row := range []struct {
		name   string
		values int
		change func(*Config)
		want   string
	}{
		{"more values than partitions", 40, func(c *Config) { c.MaxPartitions = 10 }, "limit=max_partitions"},
		{"more messages than may wait", 40, func(c *Config) { c.OpenMessages = 100 }, "limit=open_messages"},
		{"more bytes than may wait", 40, func(c *Config) { c.Bytes, c.OpenBytes = 100, 200 }, "limit=open_bytes"},
		{"few values", 5, func(*Config) {}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said strings.Builder
				cfg := with(func(c *Config) { c.Count, c.PartitionBy = 20, []string{"a"} })
				row.change(&cfg)
				s := startLogged(t, cfg, slog.New(slog.NewTextHandler(&said, nil)))
				for i := range 40 * lookEvery {
					s.in <- chunk(fmt.Sprintf(`{"a":%d}`, i*7919%row.values))
					for len(s.out) > 500 {
						<-s.out
					}
				}
				s.end(t)
				lines := strings.Count(said.String(), "most batches are sealed by a limit")
				if row.want == "" && lines != 0 || row.want != "" && lines != 1 || !strings.Contains(said.String(), row.want) {
					t.Errorf("%d warnings, want one of %q: %s", lines, row.want, said.String())
				}
			})
		})
	}
}

// Dates and hours are those of the zone, also around the nights when its clocks are changed.
func TestZone(t *testing.T) {
	for _, row := range []struct {
		zone string
		at   time.Time
		want string
	}{
		{"Europe/Berlin", time.Date(2026, 3, 28, 23, 30, 0, 0, time.UTC), "date=2026-03-29/hour=00"},
		{"Europe/Berlin", time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC), "date=2026-03-29/hour=01"},
		{"Europe/Berlin", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), "date=2026-03-29/hour=03"},
		{"Europe/Berlin", time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), "date=2026-10-25/hour=02"},
		{"Europe/Berlin", time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC), "date=2026-10-25/hour=02"},
		{"Asia/Kolkata", time.Date(2026, 1, 1, 18, 29, 59, 0, time.UTC), "date=2026-01-01/hour=23"},
		{"Asia/Kolkata", time.Date(2026, 1, 1, 18, 30, 0, 0, time.UTC), "date=2026-01-02/hour=00"},
		{"Australia/Lord_Howe", time.Date(2026, 4, 4, 14, 59, 59, 0, time.UTC), "date=2026-04-05/hour=01"},
		{"Australia/Lord_Howe", time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), "date=2026-04-05/hour=01"},
		{"", time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), "date=1969-12-31/hour=23"},
	} {
		p := newPartitioner(with(func(c *Config) { c.PartitionBy, c.TimeZone = []string{"@date", "@hour"}, row.zone }))
		// Beside each time its neighbours, in both orders: what is kept from one must not count for the other.
		for _, d := range []time.Duration{-time.Second, 0, time.Second, 0, -45 * time.Minute, 0, 45 * time.Minute, 0} {
			at := row.at.Add(d)
			got := p.text(string(p.of(&engine.Message{Time: at})))
			zone, _ := time.LoadLocation(row.zone)
			if want := at.In(zone).Format("date=2006-01-02/hour=15"); got != want {
				t.Errorf("%s %v: %s, want %s", row.zone, at, got, want)
			}
			if d == 0 && got != row.want {
				t.Errorf("%s %v: %s, want %s", row.zone, at, got, row.want)
			}
		}
	}
	for _, zone := range []string{"Local", "Europe/Nowhere", "../etc/passwd"} {
		if err := with(func(c *Config) { c.TimeZone = zone }).Validate(); err == nil || !strings.Contains(err.Error(), "time_zone") && !strings.Contains(err.Error(), "Europe/Berlin") {
			t.Errorf("%q: %v", zone, err)
		}
	}
}
