package faults

import (
	"testing"

	"github.com/logpipe/logpipe/test/world"
)

// Whoever sends dead letters back and is cut off has lost the last copy of a message, unless it left its queue only after another one had it.
func TestKillDuringARedrive(t *testing.T) {
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			const n, kills = 5_000, 6
			w.DeadLetters(n, kind)
			args := []string{"dlq", "redrive", "log_dlq", "--yes"}
			for i := range kills {
				before := w.Depth("home")
				more := before + 1
				slow := args
				if i%2 == 0 { // else as fast as it can, and killed at the first sign
					slow, more = append(args, "--rate", "2000/s"), before+400
				}
				p := w.Start(w.Env(), slow...)
				w.Until("some are sent", func() bool { return w.Depth("home") >= more || p.Ended() })
				p.Kill()
			}
			w.Until("all are sent", func() bool {
				w.Exits(w.Start(w.Env(), args...), 0)
				return w.Depth("log_dlq") == 0 && w.Depth("home") >= n
			})
			home := w.Queue("home")
			w.Complete(n, home, w.Queue("log_dlq"))
			t.Logf("%d of %d messages are there twice after %d kills; the bound is %d", home.Twice(), n, kills, kills*256)
			if home.Twice() > kills*256 {
				t.Errorf("%d messages are there twice", home.Twice())
			}
		})
	}
}
