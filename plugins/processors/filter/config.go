package filter

import (
	"errors"

	"github.com/logpipe/logpipe/engine"
)

// Config is the block processor "filter".
type Config struct {
	Keep    engine.Condition `hcl:"keep,optional" doc:"Messages of which this is true are kept, all others dropped."`
	Drop    engine.Condition `hcl:"drop,optional" example:"level == 'debug' && status < 500" doc:"Messages of which this is true are dropped, all others kept. There is either keep or drop."`
	OnError string           `hcl:"on_error,optional" values:"keep,drop,dead_letter" doc:"What happens to a message for which the condition has no answer: keep lets it go on, drop throws it away, dead_letter sends it to the dead letter with the reason."`
}

const (
	keep       = "keep"
	drop       = "drop"
	deadLetter = "dead_letter"
)

// Defaults are the values of what a configuration leaves out. What nobody decided on is kept.
func Defaults() Config { return Config{OnError: keep} }

// Validate returns what is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	switch {
	case c.Keep.IsZero() && c.Drop.IsZero():
		errs = append(errs, engine.AttrErrorf("keep", "is missing, and so is drop; write one of them, such as drop = \"level == 'debug'\""))
	case !c.Keep.IsZero() && !c.Drop.IsZero():
		errs = append(errs, engine.AttrErrorf("drop", "stands beside keep; write one of them, or two filters"))
	}
	switch c.OnError {
	case keep, drop, deadLetter:
	default:
		errs = append(errs, engine.AttrErrorf("on_error", "%q is none of %s, %s and %s", c.OnError, keep, drop, deadLetter))
	}
	return errors.Join(errs...)
}

// Traits tells that the pipeline needs a dead letter if this processor may send messages there.
func (c Config) Traits() engine.Traits { return engine.Traits{Rejects: c.OnError == deadLetter} }
