package flow_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/logpipe/logpipe/engine"
)

// picky rejects every message that ends in 0.
type picky struct{ engine.Input }

func (p picky) Read(ctx context.Context, b *engine.Batch) error {
	err := p.Input.Read(ctx, b)
	for i := range b.Messages {
		if body := b.Messages[i].Body; body[len(body)-1] == '0' {
			b.Reject(i, errors.New(string(body)))
		}
	}
	return err
}

// An input that can do nothing with a message must not stand still before it: it is a dead letter with its reason, and where there is none it goes on.
func TestInputRejects(t *testing.T) {
	for _, dead := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(40)
			g.p.Inputs[0].Input = picky{g.p.Inputs[0].Input}
			want := 4
			if !dead {
				g.p.DeadLetter, want = nil, 0
			}
			var log strings.Builder
			g.p.Log = slog.New(slog.NewTextHandler(&log, nil))
			g.finish(t)
			if n := strings.Count(log.String(), "there is no dead_letter"); n > 1 || dead && n > 0 || !dead && n == 0 {
				t.Errorf("with a dead letter (%v) the log says %d times that there is none:\n%s", dead, n, &log)
			}
			g.reasonsFit(t)
			if n := len(g.dead.Bodies()); n != want {
				t.Errorf("%d dead letters instead of %d", n, want)
			}
		})
	}
}
