package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

// element is a block in a pipeline or a branch.
type element struct {
	role engine.Role
	*decode.Decoded
}

// inside decodes what stands in a pipeline or a branch: its attributes into own, and its blocks, which go to those of the pipeline. branch is its
// number, 0 for the pipeline itself.
func (l *loader) inside(p *Pipeline, d *decode.Decoder, b *hclsyntax.Block, own any, branch int) {
	d.Body(&hclsyntax.Body{Attributes: b.Body.Attributes}, d.Header, d.What, "", decode.Targets(own))
	var elements []element
	for _, inner := range b.Body.Blocks {
		switch role := engine.Role(inner.Type); {
		case d.File.IsPlaceholder(inner):
		case !slices.Contains(schema.RolesIn(b.Type), role):
			l.unknownRole(d.File, inner, b.Type)
		case role == schema.RoleBranch:
			elements = append(elements, element{role, l.branch(p, d.File, inner)})
		default:
			block := l.block(d.File, inner)
			if block.branch = branch; branch > 0 {
				block.Branch = p.Branches[branch-1].Name
			}
			p.Blocks = append(p.Blocks, block)
			elements = append(elements, element{role, block.decoded})
		}
	}
	l.checkShape(b.Type, d.Decoded, elements)
}

// checkShape finds what is missing, twice or out of order in a pipeline or a branch. Blocks count also when something in them is wrong.
func (l *loader) checkShape(kind string, around *decode.Decoded, elements []element) {
	first := map[engine.Role]*element{}
	var before [schema.RankLast + 1]*element // the first block of each rank
	for i := range elements {
		e := &elements[i]
		other := first[e.role]
		switch {
		case other == nil:
			first[e.role] = e
		case schema.Rank(e.role) >= schema.Rank(engine.RoleOutput) && e.role != schema.RoleBranch:
			l.second(kind, e, other)
		}
		if before[schema.Rank(e.role)] == nil {
			before[schema.Rank(e.role)] = e
		}
		var later *element
		for _, o := range before[schema.Rank(e.role)+1:] {
			if o != nil && (later == nil || o.Header.Start.Byte < later.Header.Start.Byte) {
				later = o
			}
		}
		if later != nil {
			l.misplaced(kind, e, later)
		}
	}
	if branch := first[schema.RoleBranch]; branch != nil {
		l.besideBranches(branch, first[engine.RoleOutput], first[engine.RoleFallback])
	}
	for _, role := range []engine.Role{engine.RoleInput, engine.RoleOutput} {
		if first[role] == nil && slices.Contains(schema.RolesIn(kind), role) && (role == engine.RoleInput || first[schema.RoleBranch] == nil) {
			l.tell(around, diagnostics.Absent(Diagnostic{Summary: fmt.Sprintf("the %s has no %s", kind, role),
				Detail: fmt.Sprintf("Add %s \"NAME\" { … }. %s", role, l.Inventory(schema.KindOf(role)))}))
		}
	}
}

func (l *loader) misplaced(kind string, e, later *element) {
	order := "input, processor, output, then fallback and dead_letter"
	switch {
	case kind == schema.BlockBranch:
		order = "processor, output, then fallback and dead_letter"
	case e.role == schema.RoleBranch || later.role == schema.RoleBranch:
		order = "input, processor, branch, then dead_letter"
	}
	l.tell(e.Decoded, Diagnostic{
		Summary: fmt.Sprintf("%s stands after %s, but messages pass it before", e.What, later.What),
		Detail:  fmt.Sprintf("Blocks are written in the order that messages pass them: %s. Move it up.", order),
		Related: []Related{{Text: "what it must stand before is on", Range: later.Header}},
	})
}

func (l *loader) second(kind string, e, first *element) {
	detail := `Write to two places by branches, each branch "NAME" { … } with an output of its own, or take one of the two out.`
	if e.role != engine.RoleOutput {
		detail = "Take one of the two out."
	}
	l.tell(e.Decoded, Diagnostic{
		Summary: fmt.Sprintf("a %s has one %s, and this is the second", kind, e.role),
		Detail:  detail,
		Related: []Related{{Text: "the first one is on", Range: first.Header}},
	})
}

// besideBranches reports what writes beside branches: nothing would ever come to it.
func (l *loader) besideBranches(branch *element, writers ...*element) {
	for _, e := range writers {
		if e != nil {
			l.tell(e.Decoded, Diagnostic{
				Summary: fmt.Sprintf("%s stands beside branches, where no message passes", e.What),
				Detail:  fmt.Sprintf("With branches each %s stands in one of them. Move it into a branch; one without when takes every message.", e.role),
				Related: []Related{{Text: "the first branch is on", Range: branch.Header}},
			})
		}
	}
}

// arrange puts the blocks of a pipeline into the order of the flow, and gives each a name of its own: "input.amqp", "input.amqp.2" for the second
// of that kind, "audit.output.s3" in a branch.
func (p *Pipeline) arrange() {
	outer := func(b Block) int {
		if b.branch > 0 {
			return schema.Rank(schema.RoleBranch)
		}
		return schema.Rank(b.Role)
	}
	slices.SortStableFunc(p.Blocks, func(a, b Block) int {
		return cmp.Or(outer(a)-outer(b), a.branch-b.branch, schema.Rank(a.Role)-schema.Rank(b.Role))
	})
	count := map[string]int{}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		b.Name = fmt.Sprintf("%s.%s", b.Role, b.Type)
		if b.Branch != "" {
			b.Name = b.Branch + "." + b.Name
		}
		if count[b.Name]++; count[b.Name] > 1 {
			b.Name = fmt.Sprintf("%s.%d", b.Name, count[b.Name])
		}
	}
}
