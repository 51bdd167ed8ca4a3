package admin

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/logpipe/logpipe/engine/stats"
)

// bounds are the powers of two that the classic buckets of a histogram end with, the first and the last.
type bounds struct{ first, last int }

// histogram is a metric with native buckets, which Prometheus asks for, and classic ones, which every program reads. Both are exact: the
// bounds of stats.Histogram are those of a native histogram of schema 2, and the classic ones are some of them.
type histogram struct {
	prometheus.Metric // the native one
	counts            stats.Counts
	classic           bounds
}

// schema 2 has four buckets for each doubling.
const schema = 2

func histogramOf(d *prometheus.Desc, c stats.Counts, classic bounds, labels ...string) prometheus.Metric {
	buckets := map[int]int64{}
	last := len(c.Buckets) - 1
	for i, n := range c.Buckets {
		if i > 0 && n > 0 {
			// What is above all bounds counts as if it were just above the last one.
			buckets[stats.Exponent(min(i, last-1))+i/last] += n
		}
	}
	m, err := prometheus.NewConstNativeHistogram(d, uint64(c.Total()), c.Sum, buckets, nil, uint64(c.Buckets[0]), schema,
		stats.Bound(0), time.Time{}, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(d, err)
	}
	return &histogram{m, c, classic}
}

// Write implements prometheus.Metric.
func (h *histogram) Write(into *dto.Metric) error {
	if err := h.Metric.Write(into); err != nil {
		return err
	}
	into.Histogram.CreatedTimestamp = nil // it counts since the pipeline is known
	next, sum := 0, uint64(0)
	for power := h.classic.first; power <= h.classic.last; power++ {
		bound := math.Ldexp(1, power)
		for ; next < len(h.counts.Buckets) && stats.Bound(next) <= bound; next++ {
			sum += uint64(h.counts.Buckets[next])
		}
		n := sum
		into.Histogram.Bucket = append(into.Histogram.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &n})
	}
	return nil
}
