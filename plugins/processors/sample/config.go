package sample

import (
	"errors"
	"math"
	"strings"

	"github.com/logpipe/logpipe/engine"
)

// Config is the block processor "sample".
type Config struct {
	OneIn int              `hcl:"one_in,optional" example:"10" doc:"Of so many messages one is kept."`
	Ratio float64          `hcl:"ratio,optional" doc:"The share of the messages that is kept, more than 0 and at most 1. There is either one_in or ratio."`
	By    string           `hcl:"by,optional" example:"trace_id" doc:"The JSON field that decides (dots lead into nested objects): messages with the same value are all kept or all dropped. Where it is missing or empty, and without it, the message's id decides, and for a message without an id its body."`
	When  engine.Condition `hcl:"when,optional" example:"level == 'debug'" doc:"Which messages are sampled. All others go on, and so does a message for which the condition has no answer."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config { return Config{} }

// Validate returns what is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	wrong := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	switch {
	case c.OneIn != 0 && c.Ratio != 0:
		wrong("ratio", "stands beside one_in; write one of them")
	case c.OneIn < 0:
		wrong("one_in", "%d must be at least 1", c.OneIn)
	case c.Ratio != 0 && !(c.Ratio > 0 && c.Ratio <= 1):
		wrong("ratio", "%v must be more than 0 and at most 1", c.Ratio)
	case c.OneIn == 0 && c.Ratio == 0:
		wrong("one_in", "is 0 or missing, and so is ratio; write one of them, such as one_in = 10; processor \"filter\" drops all")
	}
	if strings.Contains("."+c.By+".", "..") && c.By != "" {
		wrong("by", "%q has an empty part; dots go between the names of nested fields", c.By)
	}
	return errors.Join(errs...)
}

// bound is the hash up to which a message is kept.
func (c Config) bound() uint64 {
	if c.OneIn > 0 {
		return math.MaxUint64 / uint64(c.OneIn)
	}
	if share := c.Ratio * (1 << 64); share < 1<<64 {
		return uint64(share)
	}
	return math.MaxUint64
}
