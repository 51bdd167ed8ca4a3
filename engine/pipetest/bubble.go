package pipetest

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// How long a run may take in real time. A processor that waits for something outside of the process keeps the clock of its run from
// going on.
var realLimit = 30 * time.Second // a test makes it shorter

// How long goroutines that a plugin left behind are waited for.
const leftoverLimit = time.Second

// inBubble runs f with a clock that begins in the year 2000 and jumps to the next timer whenever all goroutines of f wait: back-offs and
// the age of batches take no time. Knowing that all wait is what a clock of the engine's own could not do, and it would have to be handed to
// each plugin; package synctest gives it to any code. It wants a *testing.T, whose zero value is enough as long as nobody
// lets it fail. No flag of the testing package is set up by that.
func inBubble(f func() error) error {
	finished, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil { // a deadlock, or a Go whose testing.T has another zero value
				ended <- fmt.Errorf("the run came to a halt: %v", cause)
			}
		}()
		synctest.Test(new(testing.T), func(*testing.T) {
			err := errors.New("the run ended early")
			defer func() {
				if cause := recover(); cause != nil {
					err = fmt.Errorf("panic: %v", cause)
				}
				finished <- err
			}()
			err = f()
		})
		ended <- nil
	}()
	select {
	case err := <-finished:
		// What plugins leave running counts as theirs; it must only not disturb the next run.
		select {
		case <-ended:
		case <-time.After(leftoverLimit):
		}
		return err
	case err := <-ended:
		select {
		case done := <-finished: // both came at once: what was left behind does not count
			return done
		default:
			return err
		}
	case <-time.After(realLimit):
		return fmt.Errorf("it did not end within %v: a processor waits for something outside of it, such as a server", realLimit)
	}
}
