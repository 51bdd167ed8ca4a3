package config

import (
	"time"

	"github.com/logpipe/logpipe/engine"
)

// SetStorage replaces what is known of the storage below paths.
func SetStorage(o *Options, storage func(path string) string) { o.storage = storage }

// Segment is segment.
func Segment(value string) string { return segment(value) }

// ParseDuration is parseDuration.
func ParseDuration(s string) (time.Duration, string, error) { return parseDuration(s) }

// ParseBytes is parseBytes.
func ParseBytes(s string) (engine.Bytes, string, error) { return parseBytes(s) }

// VolatileStorage is volatileStorage.
func VolatileStorage(path string) string { return volatileStorage(path) }
