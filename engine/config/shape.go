package config

import (
	"fmt"
	"slices"

	"github.com/logpipe/logpipe/engine"
)

// checkShape finds what is missing, twice or out of order in a pipeline, and puts its blocks into the order of the flow. Blocks
// count also when something in them is wrong.
func (l *loader) checkShape(p *Pipeline) {
	first := map[engine.Role]*Block{}
	var before [rankLast + 1]*Block // the first block of each rank
	for i := range p.Blocks {
		b := &p.Blocks[i]
		other := first[b.Role]
		switch {
		case other == nil:
			first[b.Role] = b
		case rank(b.Role) >= rank(engine.RoleOutput):
			l.second(b, other)
		}
		if before[rank(b.Role)] == nil {
			before[rank(b.Role)] = b
		}
		var later *Block
		for _, o := range before[rank(b.Role)+1:] {
			if o != nil && (later == nil || o.Range.Start.Byte < later.Range.Start.Byte) {
				later = o
			}
		}
		if later != nil {
			l.misplaced(b, later)
		}
	}
	for _, role := range []engine.Role{engine.RoleInput, engine.RoleOutput} {
		if first[role] == nil {
			l.diags.add(Diagnostic{Range: &p.Range, absence: true, Context: fmt.Sprintf("pipeline %q", shorten(p.Name)),
				Summary: fmt.Sprintf("the pipeline has no %s", role),
				Detail:  fmt.Sprintf("Add %s \"NAME\" { … }. %s", role, l.inventory(kindOf(role)))})
		}
	}
	slices.SortStableFunc(p.Blocks, func(a, b Block) int { return rank(a.Role) - rank(b.Role) })
	nameSteps(p.Blocks)
}

func (l *loader) misplaced(b, later *Block) {
	l.report(b, Diagnostic{
		Summary: fmt.Sprintf("%s stands after %s, but messages pass it before", b.decoded.what, later.decoded.what),
		Detail:  "Blocks are written in the order that messages pass them: input, processor, output, then fallback and dead_letter. Move it up.",
		Related: []Related{{"what it must stand before is on", later.Range}},
	})
}

func (l *loader) second(b, first *Block) {
	detail := "Write to two places by two pipelines, each with an input of its own, or take one of the two out."
	if b.Role != engine.RoleOutput {
		detail = "Take one of the two out."
	}
	l.report(b, Diagnostic{
		Summary: fmt.Sprintf("a pipeline has one %s, and this is the second", b.Role),
		Detail:  detail,
		Related: []Related{{"the first one is on", first.Range}},
	})
}

// nameSteps gives each block a name of its own: "input.amqp", and "input.amqp.2" for the second of that kind.
func nameSteps(blocks []Block) {
	count := map[string]int{}
	for i := range blocks {
		b := &blocks[i]
		b.Name = fmt.Sprintf("%s.%s", b.Role, b.Type)
		if count[b.Name]++; count[b.Name] > 1 {
			b.Name = fmt.Sprintf("%s.%d", b.Name, count[b.Name])
		}
	}
}
