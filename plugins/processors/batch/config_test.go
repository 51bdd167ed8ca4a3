package batch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
)

// One run of validate shows every mistake, not the first.
func TestValidateTellsAllMistakes(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Fatal(err)
	}
	c := Config{Count: 0, Bytes: 0, Age: 0, TimeField: "a..b", PartitionBy: []string{
		"", "a.", "@day", "a", "a.b", "hour", "@hour", "x.y", "x",
	}, OpenMessages: -1, OpenBytes: -1}
	want := `count: 0 is too few; a batch needs at least 1 message
bytes: 0 is too small; a batch needs at least 1 byte
age: 0s would let messages wait for ever; it must be more than 0, such as "5s"
max_partitions: 0 is too few; it must be at least 1
open_messages: -1 is less than count (0), so that no batch could ever be full
open_bytes: -1B is less than bytes (0B), so that no batch could ever be full
time_field: "a..b" has an empty part; dots go between the names of nested fields
partition_by: the field "" has an empty part; dots go between the names of nested fields
partition_by: the field "a." has an empty part; dots go between the names of nested fields
partition_by: there is no @day; what is not in the body is @date, @hour or @routing_key
partition_by: batch.partition.a cannot be a value and hold "a.b" too
partition_by: two fields would both be batch.partition.hour
partition_by: batch.partition.x cannot be a value and hold "x.y" too`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(c.Validate().Error(), "\n")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	c = with(func(c *Config) { c.PartitionBy = strings.Split("abcdefghijklmnopq", "") })
	if err := c.Validate(); err == nil || err.Error() != "partition_by: more than 16 fields" {
		t.Errorf("17 fields: %v", err)
	}
	c = with(func(c *Config) {
		c.PartitionBy, c.TimeField = []string{"a.b", "a.c", "ab", "@date", "@hour", "@routing_key"}, "@timestamp"
	})
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// The derived prefetch is made of these: too little would starve the batches, too much would fill the memory.
func TestTraits(t *testing.T) {
	got := with(func(c *Config) { c.Count, c.PartitionBy = 50, []string{"a.b", "@routing_key", "@date"} }).Traits()
	want := engine.Traits{
		OpenMessages: 5000, OpenBytes: 64 << 20, BatchMessages: 50, BatchBytes: 16 << 20, HoldsFor: 5 * time.Second,
		PartitionBy: []string{"a.b", "routing_key", "date"}, OneDate: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		change   func(*Config)
		messages int
		bytes    int64
	}{
		"one group":     {func(c *Config) {}, 1000, 16 << 20},
		"large batches": {func(c *Config) { c.PartitionBy, c.Count, c.Bytes = []string{"a"}, 2000, 32<<20 }, 20000, 128 << 20},
		"few groups":    {func(c *Config) { c.PartitionBy, c.MaxPartitions = []string{"a"}, 2 }, 2000, 32 << 20},
		"set": {func(c *Config) { c.PartitionBy, c.OpenMessages, c.OpenBytes = []string{"a"}, 1500, 20<<20 },
			1500, 20 << 20},
	} {
		if got := with(c.change).Traits(); got.OpenMessages != c.messages || got.OpenBytes != c.bytes {
			t.Errorf("%s: %d messages, %d bytes open; want %d, %d", name, got.OpenMessages, got.OpenBytes, c.messages, c.bytes)
		}
	}
}
