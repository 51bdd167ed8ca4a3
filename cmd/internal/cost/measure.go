package cost

import (
	"fmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/admin/page"
)

// Measure puts what a process has measured of a pipeline into what is asked, where nobody has said it: the mean rate since it started, and what it
// does now. Where several processes are asked for, each is taken to do the same.
func Measure(status *page.Status, pipeline string, q Question) (Question, error) {
	for _, p := range status.Pipelines {
		if p.Name != pipeline {
			continue
		}
		ran := status.Now.Sub(status.Started).Seconds()
		if p.Written.Total == 0 || ran <= 0 {
			return q, fmt.Errorf("pipeline %q has written nothing since its process started; give a rate such as --rate 10000/s", pipeline)
		}
		q.Rate = Value{float64(p.Written.Total) / ran * q.Replicas.or(Value{1, Assumed}).Value, Measured}
		for _, flow := range []page.Rate{p.Written, p.Received} {
			if flow.Messages > 0 && flow.Bytes > 0 {
				q.MessageBytes = q.MessageBytes.or(Value{flow.Bytes / flow.Messages, Measured})
			}
		}
		for _, s := range p.Steps {
			if open := s.Gauges[string(engine.OpenGroups)]; open >= 1 {
				q.Partitions = q.Partitions.or(Value{open, Measured})
			}
			if ratio := s.Gauges[string(engine.CompressionRatio)]; ratio > 0 && s.Role == string(engine.RoleOutput) {
				q.Ratio = q.Ratio.or(Value{ratio, Measured})
			}
		}
		return q, nil
	}
	return q, fmt.Errorf("the running logpipe has no pipeline %q; give a rate such as --rate 10000/s", pipeline)
}
