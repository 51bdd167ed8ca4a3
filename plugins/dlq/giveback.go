package dlq

import (
	"context"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
)

// How long giveBack waits at most, for the messages and for answers, and how often it asks. Others may read the queue, and then what came
// back is never seen in it.
const (
	backWithin   = 2 * time.Second
	answerWithin = 5 * time.Second
	askBack      = 20 * time.Millisecond
)

// giveBack returns when what was taken and not acked can be seen in the queue again. The broker gives it back when the channel has
// ended, and takes its time: the next command, which asks how much is in the queue, would be told too little, and leave the rest.
//
// It is a courtesy. Where the broker does not answer nothing is lost: the messages come back without it, and Close says what is wrong.
func (r *Reader) giveBack(ctx context.Context) {
	held := r.held
	if r.held = 0; held <= 0 || r.ch.IsClosed() || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	release := r.conn.Guard(ctx)
	defer func() { _ = release() }()
	before, err := r.ready()
	if err == nil {
		err = r.ch.Close()
	}
	if err == nil {
		r.ch, err = r.conn.Open()
	}
	for by := time.Now().Add(backWithin); err == nil && time.Now().Before(by); {
		var now int
		if now, err = r.ready(); now >= before+held {
			return
		}
		_ = sleep.For(ctx, askBack)
	}
}
