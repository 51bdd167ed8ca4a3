package retry

import (
	"errors"
	"math"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Config is the block processor "retry".
type Config struct {
	Attempts   int           `hcl:"attempts,optional" doc:"How often a batch is tried, the first time included. 0 is without limit: then a fallback is never used."`
	Backoff    time.Duration `hcl:"backoff,optional" doc:"The longest wait before the second attempt. It doubles with each attempt; the wait itself is a random part of it."`
	MaxBackoff time.Duration `hcl:"max_backoff,optional" doc:"What the longest wait doubles up to."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config {
	return Config{Attempts: 3, Backoff: time.Second, MaxBackoff: 10 * time.Second}
}

// Validate returns what is wrong with the configuration, all of it.
func (c Config) Validate() error {
	var errs []error
	if c.Attempts < 0 {
		errs = append(errs, engine.AttrErrorf("attempts", "%d is less than 0; 0 is without limit", c.Attempts))
	}
	if c.Backoff <= 0 {
		errs = append(errs, engine.AttrErrorf("backoff", "%v must be more than 0, such as \"1s\"", c.Backoff))
	}
	if c.MaxBackoff < c.Backoff {
		errs = append(errs, engine.AttrErrorf("max_backoff", "%v is less than backoff (%v)", c.MaxBackoff, c.Backoff))
	}
	return errors.Join(errs...)
}

// Traits tells how long a batch is kept at most, beside the time that the attempts themselves take.
func (c Config) Traits() engine.Traits {
	var sum time.Duration
	for n := 1; n < c.Attempts; n++ {
		d := c.longest(n)
		if d == c.MaxBackoff { // and so are all that follow
			rest := time.Duration(c.Attempts - n)
			if rest > (math.MaxInt64-sum)/d {
				sum = math.MaxInt64
			} else {
				sum += rest * d
			}
			break
		}
		sum += d
	}
	return engine.Traits{HoldsFor: sum, Endless: c.Attempts == 0}
}

// longest is the longest wait after attempt n, counted from 1.
func (c Config) longest(n int) time.Duration {
	d := c.Backoff
	for ; n > 1 && d < c.MaxBackoff; n-- {
		if d > c.MaxBackoff/2 {
			return c.MaxBackoff
		}
		d *= 2
	}
	return d
}
