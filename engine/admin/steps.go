package admin

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

var (
	ofInput      = roles{engine.RoleInput}
	ofOutput     = roles{engine.RoleOutput}
	ofFallback   = roles{engine.RoleFallback}
	ofDeadLetter = roles{engine.RoleDeadLetter}
	ofWriters    = roles{engine.RoleOutput, engine.RoleFallback, engine.RoleDeadLetter}
	ofWay        = roles{engine.RoleInput, engine.RoleProcessor, engine.RoleOutput}

	// ofIdle do nothing in most pipelines, for years. Their histograms begin with what they count first: empty ones were half of the answer.
	// What counts from 0 on are the counters beside them.
	ofIdle = roles{engine.RoleFallback, engine.RoleDeadLetter}
)

// counter is a metric that a counter of a step stands behind.
type counter struct {
	*prometheus.Desc
	of  roles
	get func(*stats.Step) *atomic.Int64
}

func counts(name, help string, of roles, get func(*stats.Step) *atomic.Int64) counter {
	return counter{describe(name, help, stepLabels), of, get}
}

var counters = []counter{
	counts("received_messages_total", "Messages that were read from the source.", ofInput, func(s *stats.Step) *atomic.Int64 { return &s.Received }),
	counts("received_bytes_total", "Bytes of the bodies of received messages.", ofInput, func(s *stats.Step) *atomic.Int64 { return &s.ReceivedBytes }),
	counts("settled_messages_total", "Messages that are stored, dead-lettered or dropped, so that the source is told.", ofInput,
		func(s *stats.Step) *atomic.Int64 { return &s.Settled }),
	counts("settled_bytes_total", "Bytes of the bodies of settled messages.", ofInput, func(s *stats.Step) *atomic.Int64 { return &s.SettledBytes }),
	counts("acked_chunks_total", "Chunks of messages whose acks the source took.", ofInput, func(s *stats.Step) *atomic.Int64 { return &s.Acks }),
	counts("connections_opened_total", "How often the source was opened; more than once means reconnects.", ofInput,
		func(s *stats.Step) *atomic.Int64 { return &s.Opened }),
	counts("connections_lost_total", "How often the source was lost, or could not be opened.", ofInput, func(s *stats.Step) *atomic.Int64 { return &s.Lost }),

	counts("rejected_messages_total", "Messages that were sent to the dead letter from here.", ofWay, func(s *stats.Step) *atomic.Int64 { return &s.Rejected }),
	counts("dropped_messages_total", "Messages that a processor dropped because it was told to.", ofWay, func(s *stats.Step) *atomic.Int64 { return &s.Dropped }),

	counts("batched_messages_total", "Messages in sealed batches.", ofOutput, func(s *stats.Step) *atomic.Int64 { return &s.SealedMessages }),
	counts("batched_bytes_total", "Bytes of the bodies in sealed batches.", ofOutput, func(s *stats.Step) *atomic.Int64 { return &s.SealedBytes }),
	counts("held_batches_total", "Batches that could be written nowhere at their first try; they are kept and tried again.", ofOutput,
		func(s *stats.Step) *atomic.Int64 { return &s.Held }),
	counts("held_messages_total", "Messages in batches that could be written nowhere at their first try.", ofOutput, func(s *stats.Step) *atomic.Int64 { return &s.HeldMessages }),
	counts("void_messages_total", "Messages that were discarded because their connection is dead: the source has them again.", ofWriters,
		func(s *stats.Step) *atomic.Int64 { return &s.Void }),

	counts("writes_total", "Attempts to write a batch.", ofWriters, func(s *stats.Step) *atomic.Int64 { return &s.Writes }),
	counts("write_retries_total", "Attempts to write a batch again.", ofWriters, func(s *stats.Step) *atomic.Int64 { return &s.Retries }),
	counts("written_batches_total", "Batches that were stored.", ofWriters, func(s *stats.Step) *atomic.Int64 { return &s.Batches }),
	counts("written_messages_total", "Messages that were stored.", ofWriters, func(s *stats.Step) *atomic.Int64 { return &s.Stored }),
	counts("written_bytes_total", "Bytes of the bodies in writes without an error.", ofWriters, func(s *stats.Step) *atomic.Int64 { return &s.StoredBytes }),

	counts("fallback_messages_total", "Messages that went into the fallback.", ofFallback, func(s *stats.Step) *atomic.Int64 { return &s.FellBack }),
	counts("fallback_bytes_total", "Bytes of the bodies that went into the fallback.", ofFallback, func(s *stats.Step) *atomic.Int64 { return &s.FellBackBytes }),
	counts("recovered_messages_total", "Messages that came home from the fallback.", ofFallback, func(s *stats.Step) *atomic.Int64 { return &s.Recovered }),
	counts("recovered_bytes_total", "Bytes of the bodies that came home from the fallback.", ofFallback, func(s *stats.Step) *atomic.Int64 { return &s.RecoveredBytes }),

	counts("dead_lettered_messages_total", "Messages that the dead letter took.", ofDeadLetter, func(s *stats.Step) *atomic.Int64 { return &s.DeadLettered }),
}

var (
	sealed  = describe("batches_total", "Batches that were sealed, by what filled or ended them.", stepLabels, "cause")
	failed  = describe("write_errors_total", "Attempts to write a batch that failed, by the class of the error.", stepLabels, "class")
	outages = describe("outages_total", "How often the output began to fail.", stepLabels)
	outage  = describe("outage_seconds_total", "How long the output failed in all, with the present outage.", stepLabels)
)

// distribution is a metric that a histogram of a step stands behind.
type distribution struct {
	*prometheus.Desc
	of      roles
	get     func(*stats.Step) *stats.Histogram
	classic bounds
}

var distributions = []distribution{
	{describe("settle_duration_seconds", "From the reading of a chunk of messages to its settling.", stepLabels), ofInput,
		func(s *stats.Step) *stats.Histogram { return &s.Age }, bounds{-6, 14}},
	{describe("batch_messages", "Messages in a sealed batch.", stepLabels), ofOutput,
		func(s *stats.Step) *stats.Histogram { return &s.Batch }, bounds{0, 16}},
	{describe("write_duration_seconds", "How long a write took that stored something.", stepLabels), ofWriters,
		func(s *stats.Step) *stats.Histogram { return &s.Took }, bounds{-10, 7}},
	{describe("delivery_delay_seconds", "From the time of a batch's first message, its own where it is known, else its arrival, to the batch being stored.", stepLabels), ofWriters,
		func(s *stats.Step) *stats.Histogram { return &s.Lateness }, bounds{-6, 18}},
}

func collectStep(out chan<- prometheus.Metric, at labels, s *stats.Step) {
	for _, c := range counters {
		if c.of.has(s.Role) {
			out <- constant(c.Desc, prometheus.CounterValue, float64(c.get(s).Load()), at[:]...)
		}
	}
	for _, d := range distributions {
		if !d.of.has(s.Role) {
			continue
		}
		if c := d.get(s).Counts(); c.Total() > 0 || !ofIdle.has(s.Role) {
			out <- histogramOf(d.Desc, c, d.classic, at[:]...)
		}
	}
	if ofOutput.has(s.Role) {
		for i, cause := range stats.Causes {
			out <- constant(sealed, prometheus.CounterValue, float64(s.Sealed[i].Load()), at.and(cause)...)
		}
	}
	if ofWriters.has(s.Role) {
		n, _, total := s.Outages()
		out <- constant(outages, prometheus.CounterValue, float64(n), at[:]...)
		out <- constant(outage, prometheus.CounterValue, total.Seconds(), at[:]...)
		byClass := s.FailedBy()
		for _, class := range slices.Sorted(maps.Keys(byClass)) {
			out <- constant(failed, prometheus.CounterValue, float64(byClass[class]), at.and(class)...)
		}
	}
}
