package batch

import (
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

func TestEventTime(t *testing.T) {
	const none = ""
	for text, want := range map[string]string{
		`"2026-01-02T15:04:05Z"`:              "2026-01-02T15:04:05Z",
		`"2026-01-02t15:04:05z"`:              "2026-01-02T15:04:05Z",
		`"2026-01-02T15:04:05.123456789Z"`:    "2026-01-02T15:04:05.123456789Z",
		`"2026-01-02T15:04:05.1234567899Z"`:   "2026-01-02T15:04:05.123456789Z",
		`"2026-01-02T15:04:05.5+02:00"`:       "2026-01-02T13:04:05.5Z",
		`"2026-01-01T00:00:00+05:45"`:         "2025-12-31T18:15:00Z",
		`"2026-01-02T15:04:05-0730"`:          "2026-01-02T22:34:05Z",
		`"2026-01-02T15:04:05+01"`:            "2026-01-02T14:04:05Z",
		`"2026-01-02T15:04:05"`:               "2026-01-02T15:04:05Z", // Python's datetime.utcnow().isoformat()
		`"2026-01-02 15:04:05,123"`:           "2026-01-02T15:04:05.123Z",
		`"2024-02-29T00:00:00Z"`:              "2024-02-29T00:00:00Z",
		`"2016-12-31T23:59:60Z"`:              "2017-01-01T00:00:00Z",
		`1767366245`:                          "2026-01-02T15:04:05Z",
		`1767366245.25`:                       "2026-01-02T15:04:05.25Z",
		`1767366245123`:                       "2026-01-02T15:04:05.123Z",
		`1767366245123.5`:                     "2026-01-02T15:04:05.1235Z",
		`1767366245123456`:                    "2026-01-02T15:04:05.123456Z",
		`1767366245123456789`:                 "2026-01-02T15:04:05.123456789Z",
		`1.767366245E9`:                       "2026-01-02T15:04:05Z",
		`"1767366245"`:                        "2026-01-02T15:04:05Z",
		`0`:                                   "1970-01-01T00:00:00Z",
		`99999999999`:                         "5138-11-16T09:46:39Z",
		`100000000000`:                        "1973-03-03T09:46:40Z",
		`-1`:                                  none,
		`1e300`:                               none,
		`99999999999999999999999`:             none,
		`""`:                                  none,
		`"-"`:                                 none,
		`"now"`:                               none,
		`"2026-01-02"`:                        none,
		`"2026-01-02T15:04"`:                  none,
		`"2026-01-02T15:04:05.Z"`:             none,
		`"2026-01-02T15:04:05+1:00"`:          none,
		`"2026-01-02T15:04:05+24:00"`:         none,
		`"2026-01-02T15:04:05Zx"`:             none,
		`"2026-01-02T15:04:05 Europe/Berlin"`: none,
		`"2025-02-29T00:00:00Z"`:              none,
		`"2026-13-02T15:04:05Z"`:              none,
		`"2026-00-02T15:04:05Z"`:              none,
		`"2026-01-00T15:04:05Z"`:              none,
		`"2026-01-02T24:04:05Z"`:              none,
		`"2026-01-02T15:60:05Z"`:              none,
		`"2026-01-02T15:04:61Z"`:              none,
		`"2o26-01-02T15:04:05Z"`:              none,
		`true`:                                none,
		`null`:                                none,
		`{}`:                                  none,
	} {
		got, ok := eventTime(jsonscan.NewFields("t").Find([]byte(`{"t":` + text + `}`))[0])
		if !ok {
			if want != none {
				t.Errorf("%s is no time, want %s", text, want)
			}
			continue
		}
		if got.Format(time.RFC3339Nano) != want || got.Location() != time.UTC {
			t.Errorf("%s is %v, want %q", text, got, want)
		}
	}
}

// What package time reads as RFC 3339 must be the same time here; anything else may not panic.
func FuzzEventTime(f *testing.F) {
	for _, s := range []string{"2026-01-02T15:04:05.123Z", "2026-01-02T15:04:05+01:30", "1767366245.5", "1.7E9", "0000-01-01T00:00:00-23:59"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := eventTime(jsonscan.Value{Kind: jsonscan.String, Text: []byte(s)})
		want, err := time.Parse(time.RFC3339Nano, s)
		if err != nil || len(s) < 20 || s[11] < '0' || s[12] == ':' { // it takes an hour of one digit, which RFC 3339 does not
			return
		}
		if !ok || !got.Equal(want) {
			t.Errorf("%q is %v %v, want %v", s, got, ok, want)
		}
	})
}

func BenchmarkEventTime(b *testing.B) {
	v := jsonscan.Value{Kind: jsonscan.String, Text: []byte("2026-01-02T15:04:05.000123Z")}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := eventTime(v); !ok {
			b.Fatal("no time")
		}
	}
}
