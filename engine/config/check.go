package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// report says something about a block.
func (l *loader) report(b *Block, g Diagnostic) { l.tell(b.decoded, g) }

// tell says something about a block, a branch or a pipeline, at its header where no other place is given.
func (l *loader) tell(d *decode.Decoded, g Diagnostic) {
	if g.Range == nil {
		g.Range = &d.Header
	}
	g.Context = d.File.Context(g.Range.Start.Byte)
	l.Diags.Add(g)
}

// at is the place of the first of the attributes that the block has, else its header.
func (b *Block) at(names ...string) *Range {
	for _, n := range names {
		if a, ok := b.decoded.Attrs[n]; ok {
			return &a.At
		}
	}
	return &b.Range
}

// checkBlocks finds what is wrong only between blocks. A block whose own configuration is wrong is left out, and so is one in which an attribute
// that a check needs is not known: what it would do is not known either.
func (l *loader) checkBlocks(p *Pipeline) {
	l.checkBranches(p)
	for _, w := range p.ways() {
		l.checkPolicies(w)
		l.checkTwice(w)
		l.checkFallback(w)
		l.checkLineBreaks(w)
		l.checkGrouping(w)
		l.checkDates(w)
		l.checkFill(w)
		l.checkRates(p, w)
		l.checkRedaction(w)
	}
	l.checkHolding(p)
	l.checkRejects(p)
	l.checkFiles(p)
}

// What the traits of the plugins follow from, by the check that asks for them.
var (
	boundedBy = []string{"max_in_flight", "prefetch", "connections"}
	sizedBy   = []string{"count"}
	heldBy    = []string{"age", "attempts", "backoff", "max_backoff"}
	ratedBy   = []string{"rate", "per"}
	ackedBy   = []string{"consumer_timeout"}
)

// checkPolicies finds a policy such as retry that does not wrap the output, because another processor stands between.
func (l *loader) checkPolicies(w way) {
	var policy *Block
	for _, b := range w {
		switch {
		case b.Role != engine.RoleProcessor || b.Config == nil:
		case b.plugin.IsPolicy():
			if policy == nil && b.branch == w.branch() { // else it stands before branches, see checkCommonPolicies
				policy = b
			}
		case policy != nil:
			l.report(policy, Diagnostic{
				Summary: fmt.Sprintf("%s is not directly before the output", policy.decoded.What),
				Detail:  fmt.Sprintf("It repeats what the output does, so no other processor may stand between them. Move %s above it.", b.decoded.What),
				Related: []Related{{Text: "what stands between is on", Range: b.Range}},
			})
			return
		}
	}
}

func (l *loader) checkRejects(p *Pipeline) {
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if p.deadLetter(b.branch) != nil || !b.knows(rejecting...) || !b.Traits().Rejects {
			continue
		}
		detail := "Add a dead_letter block to the pipeline"
		if b.branch > 0 {
			detail = "Add a dead_letter block to the branch or to the pipeline"
		}
		detail += b.insteadOfRejecting() + "."
		l.report(b, diagnostics.Absent(Diagnostic{Summary: fmt.Sprintf("%s can reject messages, and the pipeline has no dead_letter to take them", b.decoded.What), Detail: detail}))
	}
}

// rejecting are the attributes of processors that say what happens to a message that is wrong for them.
var rejecting = []string{"on_invalid", "on_error", "on_conflict"}

// insteadOfRejecting says what else these attributes of the block could be.
func (b *Block) insteadOfRejecting() string {
	var others []string
	for _, t := range decode.Targets(b.Config) {
		if slices.Contains(rejecting, t.Name) && t.Dst.Kind() == reflect.String && t.Dst.String() == "dead_letter" {
			values := slices.DeleteFunc(slices.Clone(t.Values), func(v string) bool { return v == "dead_letter" })
			others = append(others, fmt.Sprintf("%s = %s", t.Name, diagnostics.Quoted(values, "or")))
		}
	}
	if len(others) == 0 {
		return ""
	}
	return ", or set " + diagnostics.Enumerate(others, "and")
}

// checkLineBreaks finds an output that can never store what an input may well give, without a place for it.
func (l *loader) checkLineBreaks(w way) {
	if w.count(engine.RoleDeadLetter) > 0 {
		return
	}
	any := false
	for _, b := range w {
		if b.Role == engine.RoleProcessor && !b.knows("on_invalid") {
			return
		}
		if !b.knows("format", "on_invalid") {
			continue
		}
		t := b.Traits()
		any = (any || t.AnyBody) && !t.OneLine
		if b.Role == engine.RoleOutput && t.LinesOnly && any {
			l.report(b, diagnostics.Absent(Diagnostic{Severity: SeverityWarning,
				Summary: fmt.Sprintf("%s cannot store a message with a line break, and the pipeline has no dead_letter to take it", b.decoded.What),
				Detail:  `Such a message is held, and never acked. Add a dead_letter block, or a processor "json" with one, or set format = "envelope".`}))
		}
	}
}

// checkGrouping finds an output that stores one object a batch behind a pipeline that makes no batches.
func (l *loader) checkGrouping(w way) {
	for _, b := range w {
		if b.Role == engine.RoleProcessor && (!b.knows() || b.plugin.IsStage()) {
			return
		}
	}
	for _, b := range w.of(engine.RoleOutput) {
		if b.Traits().Sealed {
			l.report(b, diagnostics.Absent(Diagnostic{Severity: SeverityWarning,
				Summary: fmt.Sprintf("%s stores one object for each batch, and nothing groups messages into batches", b.decoded.What),
				Detail:  `Each read of the input becomes an object, often of one message. Add a processor "batch" before the output.`}))
		}
	}
}

// checkFill finds a batch that is never full, because its inputs are bounded below its size: by what was written, or else by what
// an input may have in flight at all.
func (l *loader) checkFill(w way) {
	inputs := w.of(engine.RoleInput, boundedBy...)
	if len(inputs) != w.count(engine.RoleInput) {
		return
	}
	window := 0
	for _, in := range inputs {
		n, _ := in.window()
		if n == 0 {
			l.checkLargest(w)
			return
		}
		window += n
	}
	for _, b := range w.of(engine.RoleProcessor, sizedBy...) {
		count := b.Traits().BatchMessages
		if !b.plugin.IsStage() || count <= window || window == 0 {
			continue
		}
		in := inputs[0]
		_, attr := in.window()
		l.report(in, Diagnostic{Range: in.at(attr),
			Summary: fmt.Sprintf("batches of %d messages can never be full: at most %d messages are on their way at once", count, window),
			Detail: fmt.Sprintf("The rest comes only after some are stored, so each batch would wait for its age. Leave the bound out, which lets it follow from the batch; or raise it%s; "+
				"or make the batch smaller.", enough(w, count)),
			Related: []Related{{Text: "the size of the batch is on", Range: *b.at("count")}}})
	}
}

// checkLargest finds a batch of more messages than are ever in flight. Its bytes or its age may seal it, so this is a warning.
func (l *loader) checkLargest(w way) {
	for _, b := range w.of(engine.RoleProcessor, sizedBy...) {
		if count := b.Traits().BatchMessages; b.plugin.IsStage() && count > mostMessages-chunkMessages {
			l.report(b, Diagnostic{Severity: SeverityWarning, Range: b.at("count"),
				Summary: fmt.Sprintf("batches of %d messages can never be full: at most %d messages are on their way at once", count, mostMessages),
				Detail:  "Only their size in bytes or their age closes them. If that is not meant, make the batch smaller, or set max_in_flight on the input."})
		}
	}
}

// enough says how many messages keep all workers busy while the next batch fills, if it is known how many there are.
func enough(w way, count int) string {
	for _, out := range w.of(engine.RoleOutput, "workers") {
		return fmt.Sprintf(" to %d, which is enough for all workers", saturate(int64(count), int64(out.Workers+1)))
	}
	return ""
}

// checkHolding finds a pipeline that may keep messages for longer than their source waits, on the way that keeps them longest.
func (l *loader) checkHolding(p *Pipeline) {
	var w way
	var held time.Duration
	var longest *Block
	for _, one := range p.ways() {
		if h, at := one.holds(); longest == nil || h > held {
			w, held, longest = one, h, at
		}
	}
	for _, in := range w.of(engine.RoleInput, ackedBy...) {
		wait := in.Traits().AckWithin
		if longest == nil || wait <= 0 || held <= wait/2 {
			continue
		}
		g := Diagnostic{Severity: SeverityWarning,
			Summary: fmt.Sprintf("messages may be held for %s, which is more than half of the %s that %s waits for an acknowledgement", heldText(held), DurationText(wait), in.decoded.What),
			Related: []Related{{Text: "who waits is on", Range: in.Range}},
			Detail:  "Then the source takes the connection away and delivers everything again. Lower the age of the batch or the attempts and their back-off, or raise the time that the source waits.",
		}
		if held >= wait {
			g.Severity = SeverityError
			g.Summary = fmt.Sprintf("messages may be held for %s, and %s waits only %s for an acknowledgement", heldText(held), in.decoded.What, DurationText(wait))
		}
		l.report(longest, g)
	}
}

// holds is how long messages may be held on the way, and by which block for longest; nil if by none.
func (w way) holds() (held time.Duration, longest *Block) {
	for _, b := range w.of(engine.RoleProcessor, heldBy...) {
		h := b.Traits().HoldsFor
		if longest == nil || h > longest.Traits().HoldsFor {
			longest = b
		}
		if held += h; held < 0 {
			held = math.MaxInt64
		}
	}
	return held, longest
}

// heldText is how long messages are held; a retry without a limit of its attempts has sums of years.
func heldText(d time.Duration) string {
	if d > 10*365*24*time.Hour {
		return "any time"
	}
	return DurationText(d)
}
