package stats

import (
	"math"
	"sync/atomic"
)

// Histogram counts numbers in buckets that grow by a quarter of a power of two, from 2^-13 (0.00012) on: a quantile is off by a tenth
// at most. These are the bounds of Prometheus's native histograms of schema 2. The zero value is ready. It counts seconds, or messages
// in a batch.
type Histogram struct {
	buckets [bucketCount]atomic.Int64
	sum     atomic.Int64 // in units of 1/sumUnit
}

const (
	bucketCount = 132 // up to about 740,000
	perDouble   = 4
	leastPower  = -13
	least       = 1.0 / (1 << -leastPower)
	sumUnit     = 1e6
)

var most = Bound(bucketCount - 2)

// Observe counts v.
func (h *Histogram) Observe(v float64) {
	h.buckets[bucket(v)].Add(1)
	h.sum.Add(int64(v * sumUnit))
}

// bucket i takes what is at most Bound(i).
func bucket(v float64) int {
	if !(v > least) {
		return 0
	}
	if v > most {
		return bucketCount - 1
	}
	return int(math.Ceil(math.Log2(v/least)*perDouble - 1e-9)) // what is a bound, but for rounding, is in its bucket
}

// Exponent says that the bound of bucket i, but the last, is 2 to the power of a quarter of it.
func Exponent(i int) int { return leastPower*perDouble + i }

// Bound is the largest number that bucket i takes; the last takes everything.
func Bound(i int) float64 {
	if i == bucketCount-1 {
		return math.Inf(1)
	}
	return least * math.Exp2(float64(i)/perDouble)
}

// Counts is what a histogram has counted in one moment.
type Counts struct {
	Buckets [bucketCount]int64 // each alone, not with the ones below it
	Sum     float64            // of all numbers
}

// Counts returns what was counted so far.
func (h *Histogram) Counts() (c Counts) {
	for i := range h.buckets {
		c.Buckets[i] = h.buckets[i].Load()
	}
	c.Sum = float64(h.sum.Load()) / sumUnit
	return c
}

// Since is what was counted after before was taken of the same histogram.
func (c Counts) Since(before Counts) Counts {
	for i := range c.Buckets {
		c.Buckets[i] -= before.Buckets[i]
	}
	c.Sum -= before.Sum
	return c
}

// Plus returns both together.
func (c Counts) Plus(more Counts) Counts {
	for i := range c.Buckets {
		c.Buckets[i] += more.Buckets[i]
	}
	c.Sum += more.Sum
	return c
}

// Total is how many numbers were counted.
func (c Counts) Total() (n int64) {
	for _, b := range c.Buckets {
		n += b
	}
	return n
}

// Quantile is the number that the share q of all is not above, as the bound of its bucket; 0 when nothing was counted.
func (c Counts) Quantile(q float64) float64 {
	want := int64(math.Ceil(q * float64(c.Total())))
	if want == 0 {
		return 0
	}
	var n int64
	for i, b := range c.Buckets {
		if n += b; n >= want {
			return least * math.Exp2(float64(i)/perDouble)
		}
	}
	return math.Inf(1)
}
