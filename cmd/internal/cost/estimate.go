package cost

import (
	"cmp"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine/config"
)

// Where a value comes from.
const (
	Given    = "given"
	Measured = "measured"
	Assumed  = "assumed"
)

// Value is a number with the place it comes from.
type Value struct {
	Value float64 `json:"value"`
	From  string  `json:"from"` // given, measured or assumed
}

func (v Value) or(other Value) Value {
	if v.From == "" {
		return other
	}
	return v
}

// Question is what is asked of a pipeline. What has no From is not known.
type Question struct {
	Rate, MessageBytes, Partitions, Replicas, Ratio Value
	Retention                                       time.Duration
}

// What is assumed where nobody says it. Partitions are many: too few would hide what they cost.
const (
	AssumedMessageBytes = 500
	AssumedPartitions   = 100
	AssumedRatio        = 5
)

// Estimate is what one output of a pipeline costs.
type Estimate struct {
	Pipeline     string   `json:"pipeline"`
	Output       string   `json:"output"`
	StorageClass string   `json:"storage_class"`
	Rate         Value    `json:"messages_per_second"`
	MessageBytes Value    `json:"message_bytes"`
	Partitions   Value    `json:"partitions"`
	Replicas     Value    `json:"replicas"`
	Ratio        Value    `json:"compression_ratio"`
	Days         float64  `json:"retention_days"`
	Month        Cost     `json:"month"`
	Halving      []Change `json:"halving"`              // each of them alone
	Most         *Change  `json:"saves_most,omitempty"` // of those that do not halve it; only where none does
	Notes        []string `json:"notes,omitempty"`      // what is not in the numbers
	Prices       Prices   `json:"prices"`               //
	settings     Settings // of the pipeline
}

// Ask estimates each output s3 of a pipeline.
func Ask(p config.Evaluated, q Question, prices Prices) (all []Estimate, err error) {
	for _, way := range Ways(p) {
		s := way.Settings
		e := Estimate{
			Pipeline: p.Name, Output: way.Output, StorageClass: cmp.Or(s.StorageClass, DefaultClass), Prices: prices, Days: q.Retention.Hours() / 24, settings: s,
			Rate: q.Rate, Replicas: q.Replicas.or(Value{1, Assumed}), MessageBytes: q.MessageBytes.or(Value{AssumedMessageBytes, Assumed}),
			Partitions: q.Partitions.or(Value{AssumedPartitions, Assumed}), Ratio: q.Ratio.or(Value{AssumedRatio, Assumed}),
		}
		if !s.Values() {
			e.Partitions = Value{1, Given} // by the file, whatever else was said
		}
		if s.Compression == "" || s.Compression == "none" {
			e.Ratio = Value{e.Ratio.Value, cmp.Or(q.Ratio.From, Assumed)}
		}
		load := Load{e.Rate.Value, e.MessageBytes.Value, e.Partitions.Value, e.Replicas.Value, e.Ratio.Value, q.Retention}
		if e.Month, err = Of(s, load, prices); err != nil {
			return nil, fmt.Errorf("pipeline %q, %s: %w", p.Name, way.Output, err)
		}
		e.Halving, e.Most = Halving(s, load, prices)
		if len(e.Halving) > 0 {
			e.Most = nil
		}
		e.Notes = notes(way, prices)
		all = append(all, e)
	}
	return all, nil
}

func notes(way Way, prices Prices) (all []string) {
	if way.Endpoint != "" && len(prices.Changed) == 0 {
		all = append(all, fmt.Sprintf("the store is %s, and these are Amazon's prices: give its own by --price or --prices", way.Endpoint))
	}
	if way.Output != "output.s3" {
		all = append(all, "if all messages take this branch")
	}
	return append(all, "without retries of uploads that fail, reading, listing, the way out, and what a life cycle moves")
}
