package acks

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Who is told that an ack could not be sent asks the acker what is left, with a lock that others hold who ask it too. Were it told under the acker's own lock, the input would stand
// still for good, with a dead connection.
func TestWhoIsToldMayAsk(t *testing.T) {
	for _, by := range []string{"the timer", "a release"} {
		synctest.Test(t, func(t *testing.T) {
			var a *Acker
			told := make(chan struct{})
			failing := false
			a = New(func(uint64, bool) error {
				if failing {
					return errors.New("broken pipe")
				}
				return nil
			}, func(error) {
				asked := make(chan struct{})
				go func() { a.Idle(); close(asked) }() // a mutex that stands still would not be found by the bubble
				select {
				case <-asked:
				case <-time.After(time.Hour):
					t.Errorf("%s tells with the lock held", by)
				}
				close(told)
			}, nil)
			a.Prefetch(100, 1)
			add(a, 3)
			failing = true
			number := uint64(1) // behind one that stands
			if by == "a release" {
				a.Hold(time.Second)
				number = 0
			}
			if _, _, err := a.Settle([]uint64{number}); err != nil {
				t.Fatal(err)
			}
			<-told
			a.Close()
		})
	}
}
