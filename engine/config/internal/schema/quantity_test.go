package schema_test

import (
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

func TestDurations(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"5s": 5 * time.Second, "1m30s": 90 * time.Second, "500ms": 500 * time.Millisecond, "0s": 0, "1.5h": 90 * time.Minute, "0": 0,
	} {
		if got, _, err := schema.ParseDuration(s); got != want || err != nil {
			t.Errorf("%q is %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"5 s": "5s", "5 sec": "5s", "5seconds": "5s", "5S": "5s", "2 Min": "2m", "3 hours": "3h", "1 hr": "1h", "10 msec": "10ms", "10 MS": "10ms",
		"7 usec": "7us", "7 nsec": "7ns", "7 µsecs": "", "5": `5s" or "5m`, "2d": "48h", "1 week": "168h", "1.5 days": "36h", "0.3 days": "",
		"": "", "soon": "", "5 parsecs": "", "-5s": "", "99999999999h": "", "1h 30m": "", "999999999999999999d": "", "5m5": "",
	} {
		if _, got, err := schema.ParseDuration(s); got != want || err == nil {
			t.Errorf("%q suggests %q, %v, not %q", s, got, err, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for s, want := range map[string]engine.Bytes{
		"16MiB": 16 << 20, "5MB": 5e6, "1kB": 1000, "1KB": 1000, "1KiB": 1024, "1.5GiB": 3 << 29, "7": 7, "7B": 7, "0": 0, "2TiB": 2 << 40, "1GB": 1e9,
	} {
		if got, _, err := schema.ParseBytes(s); got != want || err != nil {
			t.Errorf("%q is %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"16 Mb": `16MiB" or "16MB`, "16mib": `16MiB" or "16MB`, "5M": `5MiB" or "5MB`, "5 megabytes": `5MiB" or "5MB`, "1 gig": `1GiB" or "1GB`,
		"5 bytes": "5B", "5 b": "5B", "5 k": `5KiB" or "5KB`, "5Mbit": "", " 7": "7B",
		"": "", "much": "", "-5MB": "", "5 furlongs": "", "1.5B": "", "99999999999TiB": "",
	} {
		if _, got, err := schema.ParseBytes(s); got != want || err == nil {
			t.Errorf("%q suggests %q, %v, not %q", s, got, err, want)
		}
	}
}

// What is suggested is accepted.
func FuzzQuantities(f *testing.F) {
	for _, s := range []string{"5 sec", "16 Mb", "1.5 days", "5", "1 week"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, hint, err := schema.ParseDuration(s); err != nil && hint != "" {
			for h := range strings.SplitSeq(hint, `" or "`) {
				if _, again, err := schema.ParseDuration(h); err != nil {
					t.Errorf("%q suggests %q, which suggests %q: %v", s, h, again, err)
				}
			}
		}
		if _, hint, err := schema.ParseBytes(s); err != nil && hint != "" {
			for h := range strings.SplitSeq(hint, `" or "`) {
				if n, again, err := schema.ParseBytes(h); err != nil || n < 0 {
					t.Errorf("%q suggests %q, which suggests %q: %v", s, h, again, err)
				}
			}
		}
	})
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 5 * time.Second: "5s", 5 * time.Minute: "5m", 90 * time.Second: "1m30s", 24 * time.Hour: "24h", time.Hour + time.Second: "1h0m1s",
		90 * time.Minute: "1h30m", 10 * time.Minute: "10m", 20 * time.Hour: "20h",
	} {
		if got := schema.DurationText(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
		if back, err := time.ParseDuration(want); err != nil || back != d {
			t.Errorf("%q is not %s", want, d)
		}
	}
}
