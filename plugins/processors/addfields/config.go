package addfields

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

// Config is the block processor "add_fields".
type Config struct {
	Fields     map[string]string `hcl:"fields,optional" space:"kept" example:"{ env = \"prod\" }" doc:"Fields and their values, which are texts."`
	From       map[string]string `hcl:"from,optional" example:"{ tenant = \"header.x-tenant\" }" doc:"Fields and what of the message they are taken from: id, routing_key, header.NAME, or time, which is the time of arrival: another one when the message is delivered again. What a message does not have adds no field. Headers keep their type."`
	OnConflict string            `hcl:"on_conflict,optional" values:"keep,overwrite,dead_letter" doc:"What happens to a field that the record has already, be it null: keep leaves it as it is, overwrite replaces its value in its place, dead_letter sends the message to the dead letter."`
	OnInvalid  string            `hcl:"on_invalid,optional" values:"dead_letter,drop,pass" doc:"What happens to a message that is no JSON object: dead_letter sends it to the dead letter with the reason, drop throws it away, pass lets it go on as it is."`
}

const (
	deadLetter = "dead_letter"
	drop       = "drop"
	pass       = "pass"
	keep       = "keep"
	overwrite  = "overwrite"
)

// Where fields are taken from.
const (
	fromID         = "id"
	fromRoutingKey = "routing_key"
	fromTime       = "time"
	fromHeader     = "header."
)

// Defaults are the values of what a configuration leaves out.
func Defaults() Config { return Config{OnConflict: keep, OnInvalid: deadLetter} }

// Validate returns what is wrong with the configuration, all of it.
func (c Config) Validate() error {
	var errs []error
	wrong := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if len(c.Fields)+len(c.From) == 0 {
		wrong("fields", "is missing, and so is from; write what to add, such as fields = { env = \"prod\" }")
	}
	if len(c.Fields)+len(c.From) > jsonscan.MaxPaths {
		wrong("fields", "%d fields are too many; a processor adds at most %d", len(c.Fields)+len(c.From), jsonscan.MaxPaths)
	}
	for _, name := range slices.Sorted(maps.Keys(c.From)) {
		if _, twice := c.Fields[name]; twice {
			wrong("from", "%q is in fields too; a field has one value", name)
		}
		switch source := c.From[name]; {
		case source == fromID || source == fromRoutingKey || source == fromTime:
		case !strings.HasPrefix(source, fromHeader) || source == fromHeader:
			wrong("from", "%q is nothing to take %s from; there are id, routing_key, time and header.NAME", source, name)
		}
	}
	names := c.names()
	for i, name := range names {
		if strings.Contains("."+name+".", "..") {
			wrong(c.attrOf(name), "%q is no name of a field; it has an empty part", name)
		}
		for _, other := range names[i+1:] {
			if strings.HasPrefix(other, name+".") {
				wrong(c.attrOf(other), "%q is in %q, which is a text", other, name)
			}
		}
	}
	if !slices.Contains([]string{keep, overwrite, deadLetter}, c.OnConflict) {
		wrong("on_conflict", "%q is none of %s, %s and %s", c.OnConflict, keep, overwrite, deadLetter)
	}
	if !slices.Contains([]string{deadLetter, drop, pass}, c.OnInvalid) {
		wrong("on_invalid", "%q is none of %s, %s and %s", c.OnInvalid, deadLetter, drop, pass)
	}
	return errors.Join(errs...)
}

// names are the fields in the order in which they are added.
func (c Config) names() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(c.Fields)), slices.Collect(maps.Keys(c.From))...)))
}

func (c Config) attrOf(name string) string {
	if _, is := c.Fields[name]; is {
		return "fields"
	}
	return "from"
}

// Traits tells that the pipeline needs a dead letter if this processor may send messages there.
func (c Config) Traits() engine.Traits {
	return engine.Traits{Rejects: c.OnInvalid == deadLetter || c.OnConflict == deadLetter}
}
