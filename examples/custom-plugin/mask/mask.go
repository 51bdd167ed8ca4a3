// Package mask is a transform that takes what matches a pattern out of messages.
package mask

import (
	"context"
	"regexp"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Writes a text over everything that matches one of its patterns.

A pattern is a regular expression of Go (https://pkg.go.dev/regexp/syntax). It sees the bytes of the message as they are: a
text of JSON with escapes in it is not read first.`

// Plugin is the processor "mask".
var Plugin = engine.NewTransform("mask", doc, func() Config { return Config{With: "***"} }, New)

// Config is the configuration of the processor.
type Config struct {
	Patterns []string `hcl:"patterns" doc:"What is masked: regular expressions." example:"[\"[0-9]{16}\", \"(password=)[^ ]+\"]"`
	With     string   `hcl:"with,optional" doc:"What is written in place of a match; $1 is the first group of the pattern."`
}

// Validate finds a pattern that is none, before anything runs.
func (c Config) Validate() error {
	_, err := c.compile()
	return err
}

func (c Config) compile() (all []*regexp.Regexp, err error) {
	for _, p := range c.Patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, engine.AttrErrorf("patterns", "%v", err)
		}
		all = append(all, re)
	}
	return all, nil
}

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Transform, error) {
	patterns, err := c.compile()
	return &transform{patterns, []byte(c.With)}, err
}

type transform struct {
	patterns []*regexp.Regexp
	with     []byte
}

// Process puts new slices in the place of bodies, because their bytes are the source's.
func (t *transform) Process(_ context.Context, b *engine.Batch) error {
	for i := range b.Messages {
		m := &b.Messages[i]
		for _, re := range t.patterns {
			if re.Match(m.Body) {
				m.Body = re.ReplaceAll(m.Body, t.with)
			}
		}
	}
	return nil
}
