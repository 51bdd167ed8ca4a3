package cost

import (
	"math"
	"testing"
	"time"
)

// What the shipped batch stage has by default.
func settings(change func(*Settings)) Settings {
	s := Settings{Count: 1000, Bytes: 16 << 20, Age: 5 * time.Second, MaxPartitions: 1000, Compression: "gzip"}
	if change != nil {
		change(&s)
	}
	return s
}

func load(rate, bytes, partitions float64) Load {
	return Load{Rate: rate, MessageBytes: bytes, Partitions: partitions, Replicas: 1, Ratio: 5, Retention: Month}
}

// Each is computed by hand: a month has 2,592,000 seconds. A wrong number here is a bill that nobody expected.
func TestCosts(t *testing.T) {
	for name, c := range map[string]struct {
		settings           Settings
		load               Load
		by                 string
		messages, requests float64
		put, storage       float64
	}{
		// 1 + 10·5 = 51 messages; 25,920,000 / 51; each message has (500+1)/5 bytes: 2.41882 GiB.
		"age-bound, low rate": {settings(nil), load(10, 500, 1), "age", 51, 508_235.29, 2.5412, 0.05563},
		// 16,777,216 / 2000 = 8388 messages; 129,600,000,000 / 8388; 400.2 bytes each: 48,303.8 GiB.
		"size-bound, high rate": {settings(func(s *Settings) { s.Count = 100_000 }), load(50_000, 2000, 1), "bytes", 8388, 15_450_643.78, 77.2532, 1110.99},
		"count-bound":           {settings(nil), load(10_000, 500, 1), "count", 1000, 25_920_000, 129.6, 55.634},
		// One message a second in each partition: 1 + 5; 259,200,000 / 6.
		"many partitions": {settings(nil), load(100, 500, 100), "age", 6, 43_200_000, 216, 0.55634},
		// Two a second in each: 1 + 10; 5,184,000,000 / 11.
		"a thousand partitions": {settings(nil), load(2000, 500, 1000), "age", 11, 471_272_727.27, 2356.36, 11.1268},
		// Of each five messages four open a batch in place of the oldest: 500,000 messages were 400,213 objects when this was tried.
		"more partitions than may be open": {settings(nil), load(10_000, 340, 5000), "max_partitions", 1.25, 20_736_000_000, 103_680, 37.866},
		// 5000 messages are open in 100 batches, 50 in each at a time.
		"open_messages":  {settings(func(s *Settings) { s.Count, s.OpenMessages = 500, 5000 }), load(10_000, 500, 100), "open_messages", 101, 256_633_663.37, 1283.168, 55.634},
		"two processes":  {settings(nil), Load{10, 500, 1, 2, 5, Month}, "age", 26, 996_923.08, 4.9846, 0.05563},
		"kept for a day": {settings(nil), Load{10, 500, 1, 1, 5, 24 * time.Hour}, "age", 51, 508_235.29, 2.5412, 0.0018544},
		"not compressed": {settings(func(s *Settings) { s.Compression = "none" }), load(10, 500, 1), "age", 51, 508_235.29, 2.5412, 0.27817},
		// 5110.2 bytes each, which count as 128 KiB: 508,235.29 · 131,072 / 2^30 = 62.0404 GiB.
		"small objects in STANDARD_IA": {settings(func(s *Settings) { s.StorageClass = "STANDARD_IA" }), load(10, 500, 1), "age", 51, 508_235.29, 5.0824, 0.77551},
		// 5110.2 and 40,960 bytes each, for 180 days: 6 · 508,235.29 · 46,070.2 / 2^30 = 130.84 GiB.
		"DEEP_ARCHIVE": {settings(func(s *Settings) { s.StorageClass = "DEEP_ARCHIVE" }), load(10, 500, 1), "age", 51, 508_235.29, 25.4118, 0.12953},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Of(c.settings, c.load, DefaultPrices())
			if err != nil {
				t.Fatal(err)
			}
			if got.Batch.By != c.by {
				t.Errorf("sealed by %s, want %s", got.Batch.By, c.by)
			}
			for what, pair := range map[string][2]float64{
				"messages": {got.Batch.Messages, c.messages}, "requests": {got.Requests, c.requests}, "cost of requests": {got.ForRequests, c.put},
				"cost of storage": {got.ForStorage, c.storage}, "cost": {got.Total, c.put + c.storage}, "cost of traffic": {got.ForTransfer, 0},
			} {
				if math.Abs(pair[0]-pair[1]) > 2e-4*pair[1] {
					t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
				}
			}
		})
	}
}

func TestKeysAndTraffic(t *testing.T) {
	p := DefaultPrices()
	p.TransferIn = 0.1
	got, err := Of(settings(func(s *Settings) { s.KMS = true }), load(10, 500, 1), p)
	// A request to KMS for each object, at 0.03 for 10,000; 2.41882 GiB at 0.1.
	if err != nil || math.Abs(got.ForKeys-1.52471) > 1e-4 || math.Abs(got.ForTransfer-0.241882) > 1e-5 || math.Abs(got.Total-(2.54118+0.05563+1.52471+0.24188)) > 1e-3 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, _ := Of(settings(func(s *Settings) { s.KMS, s.BucketKey = true, true }), load(10, 500, 1), p); got.ForKeys != 0 {
		t.Errorf("with a key of the bucket: %+v", got)
	}
}

// What is told to halve it does, and what is not told does not.
func TestHalving(t *testing.T) {
	for name, c := range map[string]struct {
		settings Settings
		load     Load
		halve    []string
		most     string // where none does
	}{
		"age": {settings(nil), load(10, 500, 1), []string{`age = "15s"`}, ""},
		// 50 messages cost 259.2 and half a dollar; 100 cost 129.6 and the same.
		"count":                  {settings(func(s *Settings) { s.Count = 50 }), load(1000, 50, 1), []string{"count = 150"}, ""},
		"partitions":             {settings(func(s *Settings) { s.Fields = []string{"@date", "source"} }), load(100, 500, 100), []string{`partition_by = ["@date"]`, `age = "15s"`}, ""},
		"max_partitions":         {settings(nil), load(10_000, 340, 5000), []string{"max_partitions = 5001 and open_messages = 30000"}, ""},
		"count and what is open": {settings(func(s *Settings) { s.Count = 50 }), load(10_000, 500, 100), []string{"count = 150 and open_messages = 8940"}, ""},
		"the storage": {settings(func(s *Settings) { s.Count, s.Compression = 50_000, "none" }), load(10_000, 2000, 1),
			[]string{`compression = "zstd"`, `storage_class = "DEEP_ARCHIVE"`, `storage_class = "ONEZONE_IA"`}, ""},
		"none halves it": {settings(func(s *Settings) {
			s.Count, s.Bytes, s.StorageClass, s.Age = 1e9, 512<<20, "ONEZONE_IA", 15*time.Minute
		}), load(50_000, 2000, 1), nil, `storage_class = "DEEP_ARCHIVE"`},
		"none saves": {settings(func(s *Settings) {
			s.Count, s.Bytes, s.StorageClass, s.Age = 1e9, 512<<20, "DEEP_ARCHIVE", 15*time.Minute
		}), load(50_000, 2000, 1), nil, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			halve, most := Halving(c.settings, c.load, DefaultPrices())
			now, err := Of(c.settings, c.load, DefaultPrices())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range halve {
				got = append(got, change.Setting)
				if change.Cost.Total > now.Total/2 {
					t.Errorf("%s costs %v, and now it is %v", change.Setting, change.Cost.Total, now.Total)
				}
			}
			if len(got) != len(c.halve) {
				t.Fatalf("%q, want %q", got, c.halve)
			}
			for i := range got {
				if got[i] != c.halve[i] {
					t.Errorf("%q, want %q", got, c.halve)
				}
			}
			saves := "nothing"
			if most != nil {
				saves = most.Setting
			}
			if c.most != "" && saves != c.most {
				t.Errorf("%s saves most, want %s", saves, c.most)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]float64{"10000/s": 10_000, "10k/s": 10_000, "3.6M/h": 1000, "1e9/day": 1e9 / 86400, " 60 / min ": 1, "5": 5} {
		if got, err := ParseRate(text); err != nil || math.Abs(got-want) > 1e-9*want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "/s", "0/s", "-1/s", "10/fortnight", "x", "10 msgs", "NaN", "1e99/s", "Inf/s", "1/s/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	for text, want := range map[string]float64{"800B": 800, "2KiB": 2048, "500": 500, "1.5kB": 1500} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-5B", "5 apples", "2GiB", "KiB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "12h": 12 * time.Hour, "2w": 336 * time.Hour, "1y": 8760 * time.Hour} {
		if got, err := ParseDays(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0d", "30", "forever", "-1d", "101y"} {
		if got, err := ParseDays(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestPrices(t *testing.T) {
	p := DefaultPrices()
	if err := p.SetAll("# ours\nput = 0.006 # of 1,000\n\nSTANDARD_IA.storage=0.02\nCOLD.put=1\nCOLD.storage=2\ntransfer_in=0.5\nkms=0\n"); err != nil {
		t.Fatal(err)
	}
	if p.Classes[DefaultClass].Put != 0.006 || p.Classes["STANDARD_IA"].Storage != 0.02 || p.Classes["COLD"].Storage != 2 || p.TransferIn != 0.5 || p.KMS != 0 || len(p.Changed) != 6 {
		t.Errorf("%+v", p)
	}
	for _, text := range []string{"put", "put=", "put=-1", "put=x", "get=1", "=1", "a.b=1", "put=NaN", "put=1e99"} {
		if err := p.Set(text); err == nil {
			t.Errorf("%q is a price", text)
		}
	}
	if err := p.SetAll("put=1\nx=1"); err == nil || err.Error()[:7] != "line 2:" {
		t.Errorf("%v", err)
	}
	if _, err := Of(settings(func(s *Settings) { s.StorageClass = "UNKNOWN" }), load(1, 1, 1), p); err == nil {
		t.Error("a class without a price has one")
	}
}
