package engine

import "time"

// storedError is what is left of a write that stored a part of its batch.
type storedError struct{ error }

func (e *storedError) Unwrap() error { return e.error }

// storedPart says of an error that a part of its batch was stored.
func storedPart(err error) error { return &storedError{err} }

// homelessError is a permanent failure of messages that have no place to go: there is no dead letter. They are held, and
// tried again, so it is not permanent any more.
type homelessError struct{ cause string }

func (e *homelessError) Error() string { return e.cause + "; without a dead_letter it is held" }

// reason is why a message is a dead letter, and since when.
type reason struct {
	error
	at time.Time
}

func (e *reason) Unwrap() error { return e.error }

// rejectedFor makes a reason.
func rejectedFor(why error, at time.Time) error { return &reason{why, at} }
