package tests

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/pipetest"
)

// text shows what came of a record, a line for each stage.
func (t *trial) text() string {
	var lines [][2]string // a name, and what it did; without a name it goes on
	add := func(name, did string, more ...string) {
		lines = append(lines, [2]string{name, did})
		for _, line := range more {
			lines = append(lines, [2]string{"", line})
		}
	}
	for _, s := range t.Steps {
		if did := t.did(s); did != "" {
			add(s.Processor, did, s.Changes...)
		}
	}
	for _, place := range t.Order {
		p := t.Places[place]
		for _, b := range p.Batches {
			for _, m := range b.Messages {
				add(p.Name, t.stored(place, b, m))
			}
		}
	}
	if t.Held > 0 {
		add("", "it is held: it can be written nowhere, and is never acked")
	}
	if t.Error != "" {
		add("", "the pipeline breaks: "+t.Error)
	}
	width := 0
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(l[0]))
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n", console.Escape(t.Record))
	for _, l := range lines {
		fmt.Fprintf(&out, "  %-*s  %s\n", width, l[0], console.Escape(l[1]))
	}
	return out.String()
}

// did says what a processor did.
func (t *trial) did(s pipetest.Step) string {
	switch s.Did {
	case pipetest.DidPass:
		return "passes it as it is"
	case pipetest.DidChange:
		if len(s.Changes) == 0 {
			return "changes nothing but how it is written"
		}
		return "changes it"
	case pipetest.DidReject:
		return "rejects it: " + s.Reason
	case pipetest.DidFail:
		return "cannot work now, and would be tried again for ever: " + s.Reason
	case pipetest.DidLeave:
		if t.Dropped > 0 {
			return "drops it"
		}
		return "splits it"
	case pipetest.DidGroup:
		did := fmt.Sprintf("puts it into %s, sealed by %s", s.Batch, s.SealedBy)
		if s.Partition != "" {
			did += ", of the partition " + s.Partition
		}
		return did
	}
	return ""
}

// stored says where a message ended.
func (t *trial) stored(place string, b pipetest.Batch, m pipetest.Message) string {
	if !strings.HasSuffix(place, string(engine.RoleDeadLetter)) {
		return fmt.Sprintf("stores it%s: %s", at(" as ", b.Address), m.Body)
	}
	did := "takes it as a dead letter" + at(" in ", b.Address)
	if slices.ContainsFunc(t.Steps, func(s pipetest.Step) bool { return s.Did == pipetest.DidReject && s.Reason == m.Reason }) {
		return did // a line above says why
	}
	return did + ": " + m.Reason
}

func at(word, address string) string {
	if address == "" {
		return ""
	}
	return word + address
}
