package json

import "github.com/logpipe/logpipe/engine"

// Config is the block processor "json".
type Config struct {
	OnInvalid string `hcl:"on_invalid,optional" values:"dead_letter,drop,pass" doc:"What happens to a message that is not valid JSON: dead_letter sends it to the dead letter with the reason, drop throws it away, pass lets it go on as it is."`
	Object    bool   `hcl:"object,optional" doc:"Whether a message must be a JSON object. Tables over line files, such as Athena's, can read nothing else; without it a bare number or a list is valid too."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config { return Config{OnInvalid: deadLetter} }

const (
	deadLetter = "dead_letter"
	drop       = "drop"
	pass       = "pass"
)

// Validate returns what is wrong with the configuration.
func (c Config) Validate() error {
	switch c.OnInvalid {
	case deadLetter, drop, pass:
		return nil
	}
	return engine.AttrErrorf("on_invalid", "%q is none of %s, %s and %s", c.OnInvalid, deadLetter, drop, pass)
}

// Traits tells that the pipeline needs a dead letter if this processor may send messages there.
func (c Config) Traits() engine.Traits {
	return engine.Traits{Rejects: c.OnInvalid == deadLetter, OneLine: c.OnInvalid != pass}
}
