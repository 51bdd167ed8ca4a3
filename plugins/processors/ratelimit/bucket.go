package ratelimit

import (
	"math"
	"time"
)

// bucket is a token bucket that counts from the moment it was last full: so nothing adds up that was rounded. The zero bucket limits nothing.
type bucket struct {
	each  float64 // the nanoseconds in which one token comes; 0: there are always enough
	size  float64 // how many tokens there are at most
	full  time.Time
	taken float64 // since then
}

func newBucket(rate float64, per time.Duration, size float64) bucket {
	if rate == 0 {
		return bucket{}
	}
	return bucket{each: float64(per) / rate, size: size}
}

// wait is how long it takes until there are n tokens; where n is more than there ever are, until the bucket is full.
func (b *bucket) wait(n float64, now time.Time) time.Duration {
	missing := b.taken + min(n, b.size) - b.size
	const longest = float64(time.Hour) // it is asked again then
	return time.Duration(math.Ceil(max(0, min(missing*b.each-float64(now.Sub(b.full)), longest))))
}

// take takes n tokens. What is not there yet is owed.
func (b *bucket) take(n float64, now time.Time) {
	if b.taken*b.each <= float64(now.Sub(b.full)) {
		b.full, b.taken = now, 0
	}
	b.taken += n
}

// fill is how long an empty bucket takes to be full.
func (b *bucket) fill() time.Duration { return time.Duration(min(b.size*b.each, float64(time.Hour))) }
