package ratelimit

import (
	"errors"
	"math"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Config is the block processor "rate_limit".
type Config struct {
	Rate  float64       `hcl:"rate,optional" example:"1000" doc:"How many messages pass in the time per, in the long run. 0 is without limit; then bytes must be set."`
	Per   time.Duration `hcl:"per,optional" doc:"The time that rate and bytes count for."`
	Burst int           `hcl:"burst,optional" doc:"How many messages pass at once after a rest. 0 stands for rate: what was not used in the last while, up to the time per, is made up for."`
	Bytes engine.Bytes  `hcl:"bytes,optional" doc:"How many bytes of message bodies pass in the time per, in the long run, and at once after a rest. A larger message passes alone, and its time is waited for behind it. 0 is without limit."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config { return Config{Per: time.Second} }

const (
	mostRate  = 1e9
	leastPer  = time.Millisecond
	mostPer   = 24 * time.Hour
	mostBurst = math.MaxInt32
)

// Validate returns what is wrong with the configuration, all of it.
func (c Config) Validate() error {
	var errs []error
	wrong := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	switch {
	case !(c.Rate >= 0 && c.Rate <= mostRate):
		wrong("rate", "%v is not between 0 and 1e9; 0 is without limit", c.Rate)
	case c.Rate == 0 && c.Bytes == 0:
		wrong("rate", "nothing is limited: set rate, bytes or both")
	case c.Rate == 0 && c.Burst > 0:
		wrong("burst", "%d messages at once mean nothing without rate; bytes has no burst but itself", c.Burst)
	}
	if c.Per < leastPer || c.Per > mostPer {
		wrong("per", "%v is not between %v and %v", c.Per, leastPer, mostPer)
	}
	if c.Burst < 0 || c.Burst > mostBurst {
		wrong("burst", "%d is not between 0 and %d; 0 stands for rate", c.Burst, mostBurst)
	}
	if c.Bytes < 0 {
		wrong("bytes", "%v is less than 0; 0 is without limit", c.Bytes)
	}
	return errors.Join(errs...)
}

// Traits tells how slow it is, because what waits for its turn is not acknowledged meanwhile.
func (c Config) Traits() engine.Traits {
	return engine.Traits{MessagesPerSecond: c.Rate / max(c.Per, leastPer).Seconds()}
}
