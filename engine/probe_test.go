package engine_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// The source takes back what waits too long for its ack, as brokers do, and counts that. Opened again and again in an outage of a day it
// would count each message to its limit, and delete good ones: so the input stays closed until something can be written. Then it goes on at
// once.
func TestALostInputStaysClosedWhileNothingCanBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 30
		g := newRig(n)
		g.source.Follow = true
		log := g.logged()
		const patience, outage = 30 * time.Minute, 24 * time.Hour
		g.output.Script = downFor(outage, "none", nil)
		stop := g.start(t)
		opens, began := 0, time.Now()
		for time.Since(began) < outage-patience {
			if time.Sleep(patience); g.source.Opens() > opens {
				opens = g.source.Opens()
				g.source.Cut(errReset)
			}
		}
		if opens > 8 {
			t.Errorf("in an outage of a day the input was opened %d times", opens)
		}
		if log.with("input stays closed") == 0 {
			t.Error("nobody is told that the input stays closed")
		}
		time.Sleep(patience + time.Minute)
		twice := -n
		for _, times := range g.output.Bodies() {
			twice += times
		}
		if stored := len(g.output.Bodies()); stored != n || twice > 1 {
			t.Errorf("a minute after the outage %d of %d messages are stored, and %d twice", stored, n, twice)
		}
		g.finishNow(t, stop)
	})
}

// With a fallback that works there is a place, and no reason to wait.
func TestALostInputIsOpenedWhenTheFallbackWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(30).withFallback()
		g.source.Follow = true
		g.output.Script = down
		stop := g.start(t)
		time.Sleep(time.Minute)
		g.source.Cut(errReset)
		time.Sleep(time.Minute)
		if g.source.Opens() != 2 {
			t.Errorf("the source was opened %d times, want 2", g.source.Opens())
		}
		g.finishNow(t, stop)
	})
}
