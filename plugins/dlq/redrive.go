package dlq

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/internal/sleep"
)

// Redrive sends messages of a dead-letter queue back.
type Redrive struct {
	Target Target
	Match  Match   // what is not chosen stays in the queue
	Max    int     // messages to send; 0 is all
	Rate   float64 // messages a second; 0 is as fast as they are taken
	DryRun bool    // counts, and sends nothing
	Anyway bool    // see Reader.Look
	Log    *slog.Logger
	// Progress is told what was done so far, after each round; it may be nil.
	Progress func(Result)
}

// Result is what became of the messages.
type Result struct {
	Depth     int            // of the queue when it began
	Seen      int            // that were looked at
	Sent      int            // the broker has confirmed, and they are out of the dead-letter queue; with DryRun those that would be
	Unmatched int            // not chosen
	Kept      map[string]int // in the dead-letter queue because they could not be sent, by the reason
	Groups    Groups         // of those that are Sent
}

// Failed is the number of messages that should have been sent and are still there.
func (r Result) Failed() (n int) {
	for _, k := range r.Kept {
		n += k
	}
	return n
}

// keptReasons bounds the reasons that are told apart.
const keptReasons = 100

func (r *Result) keep(err error) {
	text := err.Error()
	if _, ok := r.Kept[text]; !ok && len(r.Kept) >= keptReasons {
		text = "other reasons"
	}
	r.Kept[text]++
}

// Run sends messages until it has seen as many as the queue had when r was opened: one that fails again comes back behind these, so it does not
// circle. Each is acked when the broker has confirmed that it is in another queue. When ctx ends, what is being published is waited
// for and acked; the rest goes back when r is closed. An error means that it could not go on.
func (d *Redrive) Run(ctx context.Context, r *Reader) (Result, error) {
	run := redriving{Redrive: d, reader: r, result: Result{Depth: r.Depth, Kept: map[string]int{}, Groups: Groups{}}}
	if q := d.Target.Queue; q != "" && q == r.queue {
		return run.result, fmt.Errorf("%s is the dead-letter queue itself", named(q))
	} else if q != "" && r.gone(q) {
		return run.result, fmt.Errorf("there is no %s", named(q))
	}
	var err error
	if run.sender, err = newSender(r.broker, d.Target.Exchange, d.Log); err != nil {
		return run.result, err
	}
	r.acks = !d.DryRun
	err = run.all(ctx)
	// That the good-bye failed changes nothing: what is confirmed is stored.
	_ = run.sender.close(context.WithoutCancel(ctx))
	return run.result, err
}

// redriving is one Run.
type redriving struct {
	*Redrive
	reader *Reader
	sender *sender
	result Result
	due    time.Time // when the next message may be sent
	inVain int       // pieces in a row of which no message got through
}

func (d *redriving) all(ctx context.Context) error {
	for d.result.Seen < d.result.Depth && ctx.Err() == nil {
		letters, err := d.reader.Next(ctx, d.wanted())
		if err != nil || len(letters) == 0 {
			return err
		}
		d.result.Seen += len(letters)
		stay, err := d.round(ctx, letters)
		d.tell()
		if err != nil {
			return err
		}
		for _, l := range stay {
			if err := checkWorn(l, d.Anyway); err != nil {
				return err
			}
		}
	}
	return nil
}

// patience is how long the messages of one round may be sent at the wanted rate: the broker takes a channel away that does not ack for long.
const patience = time.Minute

// wanted is how many messages the next round may take: none that the rate or the maximum would not let through.
func (d *redriving) wanted() int {
	n := d.result.Depth - d.result.Seen
	if d.Max > 0 {
		n = min(n, d.Max-d.result.Sent)
	}
	if d.Rate > 0 {
		n = min(n, max(1, int(min(d.Rate*patience.Seconds(), math.MaxInt32))))
	}
	return n
}

// round sends what is chosen of these messages, and returns those that stay in the queue.
func (d *redriving) round(ctx context.Context, letters []*Letter) (stay []*Letter, err error) {
	var chosen []*Letter
	var keys []string
	for _, l := range letters {
		if !d.Match.Has(l) {
			d.result.Unmatched++
			stay = append(stay, l)
			continue
		}
		key, err := d.Target.key(d.reader, l)
		if err != nil {
			d.result.keep(err)
			stay = append(stay, l)
			continue
		}
		chosen, keys = append(chosen, l), append(keys, key)
	}
	for len(chosen) > 0 {
		n := d.piece(len(chosen))
		if !d.pace(ctx, n) {
			return stay, nil
		}
		failed, err := d.pass(ctx, chosen[:n], keys[:n])
		stay = append(stay, failed...)
		if err != nil {
			return stay, err
		}
		chosen, keys = chosen[n:], keys[n:]
	}
	return stay, nil
}

// inVainMost is how many pieces in a row may fail as a whole before it is taken for sure that the next ones would, too.
const inVainMost = 3

// pass sends these messages, waits for the confirms, and acks what is confirmed. It returns those that stay.
//
// The end of ctx does not disturb it: a publish that was cut in the middle would leave messages in both queues.
func (d *redriving) pass(ctx context.Context, letters []*Letter, keys []string) (stay []*Letter, err error) {
	if d.DryRun {
		for _, l := range letters {
			d.sent(l)
		}
		return letters, nil
	}
	var last error
	for i, why := range d.sender.send(context.WithoutCancel(ctx), letters, keys) {
		if why != nil {
			d.result.keep(why)
			stay, last = append(stay, letters[i]), why
			continue
		}
		if err := d.reader.ack(letters[i]); err != nil {
			return stay, err
		}
		d.sent(letters[i])
	}
	switch {
	case len(stay) < len(letters):
		d.inVain = 0
	case !engine.IsPermanent(last): // else it is about this message
		d.inVain++
	}
	if d.inVain == inVainMost {
		return stay, fmt.Errorf("no message gets through: %w", last)
	}
	return stay, nil
}

func (d *redriving) sent(l *Letter) {
	d.result.Sent++
	d.result.Groups.Add(l)
}

// pieces is how many pieces a second are sent when there is a rate.
const pieces = 10

func (d *redriving) piece(n int) int {
	if d.Rate <= 0 || d.DryRun {
		return n
	}
	return max(1, min(n, int(d.Rate/pieces)))
}

// pace waits until n messages may be sent. It returns false when ctx ended before.
func (d *redriving) pace(ctx context.Context, n int) bool {
	if d.Rate <= 0 || d.DryRun {
		return ctx.Err() == nil
	}
	if now := time.Now(); d.due.Before(now) {
		d.due = now
	}
	if sleep.For(ctx, time.Until(d.due)) != nil {
		return false
	}
	d.due = d.due.Add(time.Duration(float64(n) / d.Rate * float64(time.Second)))
	return ctx.Err() == nil
}

func (d *redriving) tell() {
	if d.Progress != nil {
		d.Progress(d.result)
	}
}
