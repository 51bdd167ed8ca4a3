package fault

import "time"

// StoredError is what is left of a write that stored a part of its batch.
type StoredError struct{ error }

func (e *StoredError) Unwrap() error { return e.error }

// StoredPart says of an error that a part of its batch was stored.
func StoredPart(err error) error { return &StoredError{err} }

// HomelessError is a permanent failure of messages that have no place to go: there is no dead letter. They are held, and
// tried again, so it is not permanent any more.
type HomelessError struct{ Cause string }

func (e *HomelessError) Error() string { return e.Cause + "; without a dead_letter it is held" }

// Reason is why a message is a dead letter, and since when.
type Reason struct {
	error
	At time.Time
}

func (e *Reason) Unwrap() error { return e.error }

// RejectedFor makes a reason.
func RejectedFor(why error, at time.Time) error { return &Reason{why, at} }
