package fault

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// panicError is a panic of a plugin, made into an error so that one plugin's bug is not the end of the process.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Guard calls f and returns its panic as an error.
func Guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return f()
}

// Panicked returns the stack if err comes from a panic, so that the log can show it once.
func Panicked(err error) (stack []byte, ok bool) {
	var p *panicError
	if errors.As(err, &p) {
		return p.stack, true
	}
	return nil, false
}
