package generator

import (
	"context"
	"math"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
)

// pace spreads records evenly over time. With rate 0 nothing waits.
type pace struct {
	rate  float64
	from  time.Time // when the first record was due
	taken float64   // records since then
}

// take waits until at least one record is due and returns how many are, up to most.
func (p *pace) take(ctx context.Context, most int) (int, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		if p.rate == 0 {
			return most, nil
		}
		if due := p.due(); due >= 1 {
			n := min(due, float64(most))
			p.taken += n
			return int(n), nil
		}
		// A sleep for each record would cost more than the record: a millisecond's worth comes at once.
		const least, longest = time.Millisecond, time.Hour
		wait := p.taken/p.rate - time.Since(p.from).Seconds()
		if p.rate > float64(time.Second/least) {
			wait = max(wait, least.Seconds())
		}
		if err := sleep.For(ctx, time.Duration(math.Ceil(min(wait, longest.Seconds())*1e9))); err != nil {
			return 0, err
		}
	}
}

// due is how many records are due now. What is late by more than a second counts as taken.
func (p *pace) due() float64 {
	if p.from.IsZero() {
		p.from = time.Now()
	}
	const rounding = 1e-6 // or a sleep that was exact would be found a little too short
	due := 1 + math.Floor(time.Since(p.from).Seconds()*p.rate+rounding) - p.taken
	if late := math.Floor(due - max(p.rate, 1)); late > 0 {
		p.taken += late
		due -= late
	}
	return due
}
