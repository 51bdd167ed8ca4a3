package config

import (
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// checkRates finds a processor that slows messages down so far that the last ones of a full window wait for longer than their source does.
func (l *loader) checkRates(p *Pipeline, w way) {
	window, known := p.windows()
	if !known {
		return
	}
	for _, b := range w.of(engine.RoleProcessor, ratedBy...) {
		rate := b.Traits().MessagesPerSecond
		if rate <= 0 {
			continue
		}
		wait := time.Duration(min(float64(window)/rate, 100*365*24*3600) * float64(time.Second))
		for _, in := range w.of(engine.RoleInput, ackedBy...) {
			if patience := in.Traits().AckWithin; patience > 0 && wait > patience/2 {
				l.report(b, tooSlow(in, wait, patience, window, rate))
				break
			}
		}
	}
}

func tooSlow(in *Block, wait, patience time.Duration, window int64, rate float64) Diagnostic {
	g := Diagnostic{Severity: SeverityWarning,
		Summary: fmt.Sprintf("messages may wait here for %s, which is more than half of the %s that %s waits for an acknowledgement",
			heldText(wait), DurationText(patience), in.decoded.What),
		Related: []Related{{Text: "who waits is on", Range: in.Range}},
		Detail: fmt.Sprintf("Up to %d messages are on their way at once. When it is too long the source takes the connection away and delivers everything again. "+
			"Set max_in_flight on the input; %d messages pass in a minute.", window, max(1, int64(rate*60))),
	}
	if wait >= patience {
		g.Severity = SeverityError
		g.Summary = fmt.Sprintf("messages may wait here for %s, and %s waits only %s for an acknowledgement", heldText(wait), in.decoded.What, DurationText(patience))
	}
	return g
}

// windows is how many messages all inputs may have unsettled, as far as all is known that it follows from.
func (p *Pipeline) windows() (messages int64, known bool) {
	capacity, all := p.Capacity(), p.all()
	inputs := all.of(engine.RoleInput, boundedBy...)
	for _, in := range inputs {
		messages += int64(in.Window(capacity).Messages)
	}
	known = len(inputs) == all.count(engine.RoleInput) &&
		len(all.of(engine.RoleProcessor, "count", "open_messages", "max_partitions")) == all.count(engine.RoleProcessor) &&
		len(all.of(engine.RoleOutput, "workers")) == all.count(engine.RoleOutput)
	return messages, known
}
