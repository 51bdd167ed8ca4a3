package condition

import "github.com/logpipe/logpipe/engine"

// Constant reports whether a condition asks nothing of messages, and what it says of all of them then.
func Constant(c engine.Condition) (answer, constant bool) {
	if c.IsZero() {
		return false, false
	}
	p, err := compile(c.String())
	if err != nil || len(p.slots.list) > 0 {
		return false, false
	}
	answer, err = p.match(&engine.Message{})
	return answer, err == nil
}
