package redact

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

// Config is the block processor "redact".
type Config struct {
	Fields    []string      `hcl:"fields,optional" example:"[\"password\", \"user.email\"]" doc:"Fields whose values nobody may see, whatever they are: text, number, list or object. Dots lead into nested objects, and a list on the way stands for each of its elements. Password and PASSWORD are password too, unless match_case is set."`
	MatchCase bool          `hcl:"match_case,optional" doc:"Whether fields tells capital letters from small ones. It does not by itself: what is hidden too much is seen and put right, and what a producer has written as Password cannot be called back."`
	Preset    []string      `hcl:"preset,optional" values:"email,credit_card,ipv4,ipv6,bearer_token,basic_auth,named_secret,aws_key,jwt,private_key,url_password" example:"[\"email\", \"bearer_token\"]" doc:"Ready patterns for what is a secret wherever it stands; see the list above."`
	Patterns  []string      `hcl:"patterns,optional" space:"kept" doc:"Patterns of your own in RE2 syntax. Where one has groups, such as \"pin=([0-9]+)\", what is in the groups is redacted, and all that matches otherwise. A backslash is written twice in a file, and once in a heredoc, whose line feed at the end is no part of the pattern."`
	Keys      bool          `hcl:"keys,optional" doc:"Whether patterns also look at the names of fields. Two fields of an object may have the same name then."`
	With      string        `hcl:"with,optional" values:"mask,hash,remove" doc:"What takes the place of a secret: mask writes the text mask; hash a keyed hash, so that equal values can still be found and joined; remove nothing: a field goes with its name."`
	Mask      string        `hcl:"mask,optional" space:"kept" doc:"The text that mask writes."`
	HashKey   engine.Secret `hcl:"hash_key,optional" doc:"Key of the hash, at least 16 bytes. Who has it can find out by trying whether a guess is right, and with another one the hashes are others."`

	OnInvalid string `hcl:"on_invalid,optional" values:"dead_letter,drop,pass" doc:"What happens to a message that is not valid JSON, so that it has no fields: dead_letter sends it to the dead letter, drop throws it away, pass lets it go on. Patterns act on all of its text before."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config {
	return Config{With: withMask, Mask: "[redacted]", OnInvalid: deadLetter}
}

const (
	withMask   = "mask"
	withHash   = "hash"
	withRemove = "remove"

	deadLetter = "dead_letter"
	drop       = "drop"
	pass       = "pass"

	// leastKey is the length that no list of passwords reaches: a key that can be guessed opens every short value, such as a card's number.
	leastKey = 16
)

// Validate returns what is wrong with the configuration, all of it.
func (c Config) Validate() error {
	var errs []error
	wrong := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if len(c.Fields)+len(c.Preset)+len(c.Patterns) == 0 {
		errs = append(errs, errors.New("it would redact nothing: say what by fields, preset or patterns"))
	}
	for _, field := range c.Fields {
		if strings.Contains("."+field+".", "..") {
			wrong("fields", "%q has an empty part; dots go between the names of nested fields", field)
		}
	}
	if len(c.Fields) > jsonscan.MaxPaths {
		wrong("fields", "%d are too many for one block; it can have %d", len(c.Fields), jsonscan.MaxPaths)
	}
	for _, name := range c.Preset {
		if presets[name] == nil {
			wrong("preset", "there is no %q; there are %s", name, strings.Join(presetNames(), ", "))
		}
	}
	for _, expr := range c.Patterns {
		if _, err := regexp.Compile(heredoc(expr)); err != nil {
			wrong("patterns", "%q is no pattern of RE2 syntax: %v", expr, err)
		} else if heredoc(expr) == "" {
			wrong("patterns", "an empty one matches everywhere and hides nothing; leave it out")
		}
	}
	c.validateWith(wrong)
	if !slices.Contains([]string{deadLetter, drop, pass}, c.OnInvalid) {
		wrong("on_invalid", "%q is none of %s, %s and %s", c.OnInvalid, deadLetter, drop, pass)
	}
	return errors.Join(errs...)
}

// heredoc is a pattern without the line feed that a heredoc ends in: with it, it would match at the end of a line alone, and in most logs never.
func heredoc(expr string) string { return strings.TrimSuffix(expr, "\n") }

func (c Config) validateWith(wrong func(attr, format string, args ...any)) {
	switch c.With {
	case withMask:
		if strings.ContainsFunc(c.Mask, func(r rune) bool { return r < ' ' }) {
			wrong("mask", "%q has a control character in it; a line break would make two lines of a message that is text", c.Mask)
		}
	case withHash:
		if n := len(c.HashKey.Reveal()); n == 0 {
			wrong("hash_key", "is needed to hash: without a key anybody could try all values of a kind. Make one with \"openssl rand -hex 32\"")
		} else if n < leastKey {
			wrong("hash_key", "%d bytes are too few; it needs %d. Make one with \"openssl rand -hex 32\"", n, leastKey)
		}
	case withRemove:
	default:
		wrong("with", "%q is none of %s, %s and %s", c.With, withMask, withHash, withRemove)
	}
}

// Traits tells that the pipeline needs a dead letter if this processor may send messages there, and that none should get there before it.
func (c Config) Traits() engine.Traits {
	return engine.Traits{Rejects: c.OnInvalid == deadLetter, Redacts: true}
}
