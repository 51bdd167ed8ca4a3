package batch

import (
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

const (
	// unknown is the value of a field that a message does not have.
	unknown = "unknown"
	// maxValue is the length in bytes that a value of a partition is cut to: it becomes a part of paths and object keys,
	// which have limits, and a batch that can never be written would be held for ever.
	maxValue = 128
)

// partitioner finds the partition and the time of messages. It is made for one goroutine and keeps its memory.
type partitioner struct {
	names  []string
	by     []string // partition_by
	fields *jsonscan.Fields
	timed  bool // the first of fields is time_field

	key   []byte // of the last message
	clock clock
}

func newPartitioner(c Config) *partitioner {
	zone, err := c.zone()
	if err != nil {
		zone = time.UTC // Validate refuses such a configuration
	}
	p := &partitioner{names: c.names(), by: c.PartitionBy, timed: c.TimeField != "", clock: clock{zone: zone}}
	var paths []string
	if p.timed {
		paths = append(paths, c.TimeField)
	}
	for _, field := range c.PartitionBy {
		if field[0] != '@' {
			paths = append(paths, field)
		}
	}
	p.fields = jsonscan.NewFields(paths...)
	return p
}

// of returns what tells the partition of m from all others, and sets m.Time to the message's own time if it has one. The
// bytes hold until the next call.
func (p *partitioner) of(m *engine.Message) []byte {
	values := p.fields.Find(m.Body)
	if p.timed {
		if t, ok := eventTime(values[0]); ok {
			m.Time = t
		}
		values = values[1:]
	}
	p.key = p.key[:0]
	for _, by := range p.by {
		switch by {
		case byDate:
			p.clock.set(m.Time)
			add(p, p.clock.date)
		case byHour:
			p.clock.set(m.Time)
			add(p, p.clock.hour)
		case byRoutingKey:
			add(p, routingKey(m))
		default:
			add(p, values[0].Text)
			values = values[1:]
		}
	}
	return p.key
}

func routingKey(m *engine.Message) string {
	if m.Meta == nil {
		return ""
	}
	return m.Meta.RoutingKey()
}

// add appends a value to the key, behind its length, so that no two lists of values have the same key.
func add[T string | []byte](p *partitioner, value T) {
	if len(value) == 0 {
		p.key = append(append(p.key, byte(len(unknown))), unknown...)
		return
	}
	n := len(value)
	if n > maxValue {
		for n = maxValue; n > maxValue-utf8.UTFMax && !utf8.RuneStart(value[n]); n-- {
		}
	}
	p.key = append(append(p.key, byte(n)), value[:n]...)
}

// text is the partition that a key stands for.
func (p *partitioner) text(key string) string {
	var values []string
	for len(key) > 0 {
		n := 1 + int(key[0])
		values = append(values, key[1:n])
		key = key[n:]
	}
	return engine.JoinPartition(p.names, values)
}

// clock writes times as date and hour of a zone. Most messages are of the same hour as the one before, so it keeps that.
type clock struct {
	zone       *time.Location
	from, to   int64 // the Unix times of the hour
	date, hour string
}

func (c *clock) set(t time.Time) {
	now := t.Unix()
	if now >= c.from && now < c.to {
		return
	}
	local := t.In(c.zone)
	c.from = now - int64(local.Minute()*60+local.Second())
	c.to = c.from + 3600
	// Where the clocks are changed within the hour, as by the half hour of Lord Howe Island, it ends or begins there.
	from, to := local.ZoneBounds()
	if !from.IsZero() {
		c.from = max(c.from, from.Unix())
	}
	if !to.IsZero() {
		c.to = min(c.to, to.Unix())
	}
	c.date, c.hour = local.Format(time.DateOnly), local.Format("15")
}
