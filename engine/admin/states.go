package admin

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
)

var (
	connected     = describe("connected", "1 when the source is open.", stepLabels)
	unsettled     = describe("unsettled_messages", "Messages that were read and are not settled.", stepLabels)
	unsettledSize = describe("unsettled_bytes", "Bytes that unsettled messages take in memory.", stepLabels)
	unsettledMost = describe("unsettled_limit_messages", "How many messages may be unsettled; missing where there is no bound.", stepLabels)
	sizeMost      = describe("unsettled_limit_bytes", "How many bytes unsettled messages may take; missing where there is no bound.", stepLabels)
	oldest        = describe("oldest_unsettled_age_seconds", "How long ago the oldest unsettled message was read; 0 when there is none.", stepLabels)

	failing     = describe("failing", "1 while the last write failed.", stepLabels)
	writing     = describe("writes_running", "Writes that have not come back.", stepLabels)
	oldestWrite = describe("oldest_write_age_seconds", "How long ago the first write began that has not come back; 0 when there is none.", stepLabels)

	workers = describe("workers", "How many batches can be written at once.", pipelineLabels)
	busy    = describe("workers_busy", "Workers that have a batch.", pipelineLabels)
	held    = describe("holding_messages", "Messages of batches that can be written nowhere now and were put aside, so that others go on.", pipelineLabels)
	heldOf  = describe("holding_bytes", "Bytes of the bodies of messages that were put aside.", pipelineLabels)

	refused   = describe("refused_messages", "Messages that stay in the fallback because the output refuses their batches while it takes others.", pipelineLabels)
	refusedOf = describe("refused_bytes", "Bytes of the bodies of messages that stay in the fallback for that.", pipelineLabels)
)

// known are the gauges of plugins that have a meaning here; others are shown under one name.
var known = map[engine.GaugeName]*prometheus.Desc{
	engine.QueueMessages:   describe("queue_messages", "Messages that wait in the queue and were not delivered to us.", stepLabels),
	engine.QueueConsumers:  describe("queue_consumers", "Consumers of the queue; without one, it only grows.", stepLabels),
	engine.DeadMessages:    describe("dead_messages", "Messages that wait in the dead-letter queue, for people to look at.", stepLabels),
	engine.BacklogMessages: describe("backlog_messages", "Messages that the fallback has and that are not home yet.", stepLabels),
	engine.BacklogBytes:    describe("backlog_bytes", "Bytes that the fallback's files take on the disk.", stepLabels),
	engine.BacklogFiles:    describe("backlog_files", "Files of the fallback.", stepLabels),
	engine.OpenGroups:      describe("open_groups", "Batches that are being filled: one for each partition that has messages.", stepLabels),
	engine.OpenMessages:    describe("open_messages", "Messages in batches that are being filled.", stepLabels),
	engine.FullestShare:    describe("fullest_ratio", "How full the fullest open batch is, 0 to 1.", stepLabels),
	engine.WaitingMessages: describe("waiting_messages", "Messages that a processor lets pass later, because of a rate.", stepLabels),

	engine.CompressionRatio: describe("compression_ratio", "How many bytes became one in the objects that were stored since the start.", stepLabels),
}

var otherGauge = describe("plugin_gauge", "A number that a plugin knows about itself.", stepLabels, "name")

// collectState writes what a pipeline is at this moment. A step that its present life does not know, because it has none, is at rest.
func collectState(out chan<- prometheus.Metric, p *stats.Pipeline, now *flow.State) {
	gauge := func(d *prometheus.Desc, v float64, values ...string) {
		out <- constant(d, prometheus.GaugeValue, v, values...)
	}
	gauge(workers, float64(now.Workers), p.Name)
	gauge(busy, float64(now.Busy), p.Name)
	gauge(held, float64(now.Held.Messages), p.Name)
	gauge(heldOf, float64(now.Held.Bytes), p.Name)
	gauge(refused, float64(now.Refused.Messages), p.Name)
	gauge(refusedOf, float64(now.Refused.Bytes), p.Name)
	for _, s := range p.Steps {
		at := labels{p.Name, pluginOf(s), string(s.Role)}
		switch {
		case ofInput.has(s.Role):
			in := inputState(now, s.Name)
			gauge(connected, one(in.Connected), at[:]...)
			gauge(unsettled, float64(in.Unsettled.Messages), at[:]...)
			gauge(unsettledSize, float64(in.Unsettled.Bytes), at[:]...)
			gauge(oldest, age(in.Oldest), at[:]...)
			if in.Window.Messages > 0 {
				gauge(unsettledMost, float64(in.Window.Messages), at[:]...)
			}
			if in.Window.Bytes > 0 {
				gauge(sizeMost, float64(in.Window.Bytes), at[:]...)
			}
		case ofWriters.has(s.Role):
			w := outputState(now, s.Name)
			gauge(failing, one(w.Failing), at[:]...)
			gauge(writing, float64(w.Writing), at[:]...)
			gauge(oldestWrite, age(w.Oldest), at[:]...)
		}
	}
	for _, g := range now.Gauges {
		s := p.Step(g.Step)
		if s == nil {
			continue
		}
		at := labels{p.Name, pluginOf(s), string(s.Role)}
		if d := known[g.Name]; d != nil {
			gauge(d, g.Value, at[:]...)
		} else {
			gauge(otherGauge, g.Value, at.and(string(g.Name))...)
		}
	}
}

func inputState(now *flow.State, name string) flow.InputState {
	for _, in := range now.Inputs {
		if in.Name == name {
			return in
		}
	}
	return flow.InputState{}
}

func outputState(now *flow.State, name string) flow.OutputState {
	for _, w := range now.Outputs {
		if w.Name == name {
			return w
		}
	}
	return flow.OutputState{}
}
