package pipetest

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// How long a run may take in real time. A processor that waits for something outside of the process keeps the clock of its run from
// going on.
var realLimit = 30 * time.Second // a test makes it shorter

// never is a channel of no bubble: while a goroutine waits for it, the clock of its bubble stands.
var never = make(chan struct{})

// result is what came of a bubble's function, and whether goroutines are left behind.
type result struct {
	err  error
	left bool
}

// inBubble runs f with a clock that begins in the year 2000 and jumps to the next timer whenever all goroutines of f wait: back-offs and
// the age of batches take no time. Knowing that all wait is what a clock of the engine's own could not do, and it would have to be handed to
// each plugin; package synctest gives it to any code. It wants a *testing.T, whose zero value is enough as long as nobody
// lets it fail. No flag of the testing package is set up by that.
func inBubble(f func() error) error {
	finished, ended := make(chan result, 1), make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil { // a deadlock, or a Go whose testing.T has another zero value
				ended <- fmt.Errorf("the run came to a halt: %v", cause)
			}
		}()
		synctest.Test(new(testing.T), func(*testing.T) {
			r := call(f)
			finished <- r
			if r.left {
				<-never
			}
		})
		ended <- nil
	}()
	limit := time.After(realLimit)
	select {
	case r := <-finished:
		if !r.left {
			<-ended
		}
		return r.err
	case err := <-ended:
		select {
		case r := <-finished: // both came at once
			return r.err
		default:
			return err
		}
	case <-limit:
		return fmt.Errorf("it did not end within %v: a processor waits for something outside of it, such as a server", realLimit)
	}
}

// call runs f. Processors have no Close, so those that work in the background leave that behind, often with a ticker. In a bubble that
// nobody is in any more it would tick for ever at the speed of the machine; so the clock is to stand then.
func call(f func() error) (r result) {
	before := runtime.NumGoroutine()
	defer func() {
		if cause := recover(); cause != nil {
			r.err = fmt.Errorf("panic: %v", cause)
		}
		synctest.Wait()
		r.left = runtime.NumGoroutine() > before
	}()
	return result{err: f()}
}
