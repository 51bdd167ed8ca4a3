package flow

import "fmt"

// LeftError is what Pipeline.Run returns when it had to end with messages unsettled. The source delivers them again.
type LeftError struct {
	Pipeline string // its name
	Messages int64  // unsettled messages; 0 when only the fallback is not home, or the last acks failed
	Err      error  // why they were left; may be nil
}

func (e *LeftError) Error() string {
	s := fmt.Sprintf("pipeline %q ended with %d messages unsettled; their source will deliver them again", e.Pipeline, e.Messages)
	if e.Messages == 0 {
		s = fmt.Sprintf("pipeline %q ended before it was done", e.Pipeline)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *LeftError) Unwrap() error { return e.Err }
