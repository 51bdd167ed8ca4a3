package batch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for time_zone: the image has no files of time zones

	"github.com/logpipe/logpipe/engine"
)

// Config is the block processor "batch".
type Config struct {
	Count         int           `hcl:"count,optional" doc:"How many messages a batch has at most."`
	Bytes         engine.Bytes  `hcl:"bytes,optional" doc:"How large a batch is at most, as the sum of its message bodies. A message that is larger is a batch of its own."`
	Age           time.Duration `hcl:"age,optional" doc:"How long a message waits at most for its batch to fill up. It counts from the arrival of a batch's first message."`
	PartitionBy   []string      `hcl:"partition_by,optional" doc:"What the messages of one batch have in common: JSON fields (dots lead into nested objects), or @date, @hour (of the message's time, in time_zone) and @routing_key. Templates see them as batch.partition.NAME, without the @."`
	TimeField     string        `hcl:"time_field,optional" doc:"The JSON field with the message's own time: RFC 3339 text (without a zone it is taken as UTC), or a Unix time in seconds, milliseconds, microseconds or nanoseconds, told apart by its size. Without it, and where a message has no such field, the time of arrival counts."`
	TimeZone      string        `hcl:"time_zone,optional" example:"Europe/Berlin" doc:"The IANA time zone of @date and @hour, and of batch.date, batch.hour and the other times in templates behind. Without it UTC, in which no hour is there twice or missing."`
	MaxPartitions int           `hcl:"max_partitions,optional" doc:"How many batches may be open at once. Beyond it the one that has waited longest is sealed."`
	OpenMessages  int           `hcl:"open_messages,optional" doc:"How many messages may wait in open batches. Beyond it the fullest batch is sealed. The prefetch that an input derives grows with it. 0 stands for ten times count, and at least 5000."`
	OpenBytes     engine.Bytes  `hcl:"open_bytes,optional" doc:"How many bytes may wait in open batches. Beyond it the largest batch is sealed. 0 stands for four times bytes, and at least 64MiB."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config {
	return Config{Count: 1000, Bytes: 16 << 20, Age: 5 * time.Second, MaxPartitions: 1000}
}

// maxFields bounds partition_by; a partition of more fields could hardly be a path.
const maxFields = 16

// Validate returns what is wrong with the configuration, all of it.
func (c Config) Validate() error {
	var errs []error
	wrong := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if c.Count < 1 {
		wrong("count", "%d is too few; a batch needs at least 1 message", c.Count)
	}
	if c.Bytes < 1 {
		wrong("bytes", "%d is too small; a batch needs at least 1 byte", int64(c.Bytes))
	}
	if c.Age <= 0 {
		wrong("age", "%v would let messages wait for ever; it must be more than 0, such as \"5s\"", c.Age)
	}
	if c.MaxPartitions < 1 {
		wrong("max_partitions", "%d is too few; it must be at least 1", c.MaxPartitions)
	}
	if c.OpenMessages != 0 && c.OpenMessages < c.Count {
		wrong("open_messages", "%d is less than count (%d), so that no batch could ever be full", c.OpenMessages, c.Count)
	}
	if c.OpenBytes != 0 && c.OpenBytes < c.Bytes {
		wrong("open_bytes", "%v is less than bytes (%v), so that no batch could ever be full", c.OpenBytes, c.Bytes)
	}
	if strings.Contains("."+c.TimeField+".", "..") && c.TimeField != "" {
		wrong("time_field", "%q has an empty part; dots go between the names of nested fields", c.TimeField)
	}
	if _, err := c.zone(); err != nil {
		wrong("time_zone", "%v", err)
	}
	for _, err := range c.partitionErrors() {
		wrong("partition_by", "%v", err)
	}
	return errors.Join(errs...)
}

// names are the fields of a partition as templates see them.
func (c Config) names() []string {
	names := make([]string, len(c.PartitionBy))
	for i, field := range c.PartitionBy {
		names[i] = strings.TrimPrefix(field, "@")
	}
	return names
}

// Traits tells how much the stage holds and for how long, and what it groups by.
func (c Config) Traits() engine.Traits {
	messages, bytes := c.limits()
	zone, err := c.zone()
	if err != nil || zone == time.UTC {
		zone = nil // Validate says what is wrong
	}
	return engine.Traits{
		OneDate:       slices.Contains(c.PartitionBy, byDate),
		OneHour:       slices.Contains(c.PartitionBy, byHour),
		Zone:          zone,
		OpenMessages:  messages,
		OpenBytes:     bytes,
		BatchMessages: c.Count,
		BatchBytes:    int64(c.Bytes),
		HoldsFor:      c.Age,
		PartitionBy:   c.names(),
	}
}

// zone is the time zone of dates and hours. That of the machine has no name here: a key would depend on where the process runs.
func (c Config) zone() (*time.Location, error) {
	if c.TimeZone == "Local" {
		return nil, errors.New("\"Local\" would be another zone on another machine; name it, such as \"Europe/Berlin\"")
	}
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %q; names are such as \"Europe/Berlin\" or \"UTC\"", c.TimeZone)
	}
	return zone, nil
}

// limits are the messages and bytes that may be open. Without groups, or with few, it is what these few can hold.
func (c Config) limits() (messages int, bytes int64) {
	messages, bytes = c.OpenMessages, int64(c.OpenBytes)
	if messages == 0 {
		messages = max(10*c.Count, 5000)
	}
	if bytes == 0 {
		bytes = max(4*int64(c.Bytes), 64<<20)
	}
	groups := c.MaxPartitions
	if len(c.PartitionBy) == 0 {
		groups = 1
	}
	if groups < messages/max(c.Count, 1) {
		messages = groups * c.Count
	}
	if int64(groups) < bytes/max(int64(c.Bytes), 1) {
		bytes = int64(groups) * int64(c.Bytes)
	}
	return messages, bytes
}

// The fields of partition_by that are not in the body.
const (
	byDate       = "@date"
	byHour       = "@hour"
	byRoutingKey = "@routing_key"
)

func (c Config) partitionErrors() (errs []error) {
	wrong := func(text string) { errs = append(errs, errors.New(text)) }
	if len(c.PartitionBy) > maxFields {
		wrong("more than 16 fields")
	}
	var names []string
	for _, field := range c.PartitionBy {
		name := strings.TrimPrefix(field, "@")
		if name != field && !slices.Contains([]string{byDate, byHour, byRoutingKey}, field) {
			wrong("there is no " + field + "; what is not in the body is @date, @hour or @routing_key")
			continue
		}
		if strings.Contains("."+field+".", "..") {
			wrong("the field \"" + field + "\" has an empty part; dots go between the names of nested fields")
			continue
		}
		for _, other := range names {
			switch {
			case other == name:
				wrong("two fields would both be batch.partition." + name)
			case strings.HasPrefix(name, other+"."):
				wrong("batch.partition." + other + " cannot be a value and hold \"" + name + "\" too")
			case strings.HasPrefix(other, name+"."):
				wrong("batch.partition." + name + " cannot be a value and hold \"" + other + "\" too")
			}
		}
		names = append(names, name)
	}
	return errs
}
