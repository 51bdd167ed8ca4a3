package generator

import (
	"errors"
	"math"

	"github.com/logpipe/logpipe/engine"
)

// Config is the block input "generator".
type Config struct {
	Count        int          `hcl:"count,optional" doc:"How many messages to make. 0 is without end."`
	Rate         float64      `hcl:"rate,optional" doc:"How many messages a second, evenly spread. 0 is as fast as they are taken."`
	Size         engine.Bytes `hcl:"size,optional" doc:"The length of each message: a field \"pad\" with words fills it up. A record that is longer without it, at about 110 bytes, stays as it is; 0 leaves all as they are."`
	Seed         int          `hcl:"seed,optional" doc:"Another seed makes other records. With the same one they are the same but for their timestamps."`
	InvalidEvery int          `hcl:"invalid_every,optional" doc:"Cuts off the last byte of every n-th message, so that it is not JSON. 0 is never."`
	Start        int          `hcl:"start,optional" doc:"The first message's field \"seq\", which then goes up by one."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config { return Config{Start: 1} }

// maxSize is that of the largest message that RabbitMQ 4 takes.
const maxSize = 16 << 20

// Validate returns what is wrong with the configuration, all of it.
func (c Config) Validate() error {
	var errs []error
	negative := func(attr string, value int, meaning string) {
		if value < 0 {
			errs = append(errs, engine.AttrErrorf(attr, "%d is less than 0; 0 is %s", value, meaning))
		}
	}
	negative("count", c.Count, "without end")
	if !(c.Rate >= 0 && c.Rate <= 1e9) {
		errs = append(errs, engine.AttrErrorf("rate", "%v is not between 0 and 1e9; 0 is as fast as possible", c.Rate))
	}
	if c.Size < 0 || c.Size > maxSize {
		errs = append(errs, engine.AttrErrorf("size", "%v is not between 0 and %v", c.Size, engine.Bytes(maxSize)))
	}
	negative("invalid_every", c.InvalidEvery, "never")
	negative("start", c.Start, "the lowest")
	if c.Count > 0 && c.Start > math.MaxInt-c.Count {
		errs = append(errs, engine.AttrErrorf("start", "%d leaves no room to count %d messages", c.Start, c.Count))
	}
	return errors.Join(errs...)
}
