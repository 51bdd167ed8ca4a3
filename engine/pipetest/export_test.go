package pipetest

import "time"

// SetRealLimit replaces how long a run may take in real time.
func SetRealLimit(d time.Duration) (old time.Duration) {
	old, realLimit = realLimit, d
	return old
}

// Difference is difference for bodies.
var Difference = difference
