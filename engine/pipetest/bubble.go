package pipetest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// How long a run may take in real time. A processor that waits for something outside of the process keeps the clock of its run from
// going on.
var realLimit = 30 * time.Second // a test makes it shorter

// inBubble runs f with a clock that begins in the year 2000 and jumps to the next timer whenever all goroutines of f wait: back-offs and
// the age of batches take no time. Knowing that all wait is what a clock of the engine's own could not do, and it would have to be handed to
// each plugin; package synctest gives it to any code. It wants a *testing.T, whose zero value is enough as long as nobody
// lets it fail. No flag of the testing package is set up by that.
func inBubble(f func() error) error {
	finished, broken := make(chan error, 1), make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil { // a deadlock, or a Go whose testing.T has another zero value
				broken <- fmt.Errorf("the run came to a halt: %v", cause)
			}
		}()
		synctest.Test(new(testing.T), func(*testing.T) { finished <- call(f) })
	}()
	limit := time.After(realLimit)
	select {
	case err := <-finished:
		// Processors have no Close, so those that work in the background leave that behind. Their clock stands now.
		return err
	case err := <-broken:
		select {
		case err = <-finished: // what was left behind is no news
		default:
		}
		return err
	case <-limit:
		return fmt.Errorf("it did not end within %v: a processor waits for something outside of it, such as a server", realLimit)
	}
}

func call(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return f()
}
