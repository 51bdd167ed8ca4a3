package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
)

// element is a block in a pipeline or a branch.
type element struct {
	role engine.Role
	*decoded
}

// inside decodes what stands in a pipeline or a branch: its attributes into own, and its blocks, which go to those of the pipeline. branch is its
// number, 0 for the pipeline itself.
func (l *loader) inside(p *Pipeline, d *decoder, b *hclsyntax.Block, own any, branch int) {
	d.body(&hclsyntax.Body{Attributes: b.Body.Attributes}, d.header, d.what, "", targets(own))
	var elements []element
	for _, inner := range b.Body.Blocks {
		switch role := engine.Role(inner.Type); {
		case d.file.isPlaceholder(inner):
		case !slices.Contains(rolesIn(b.Type), role):
			l.unknownRole(d.file, inner, b.Type)
		case role == roleBranch:
			elements = append(elements, element{role, l.branch(p, d.file, inner)})
		default:
			block := l.block(d.file, inner)
			if block.branch = branch; branch > 0 {
				block.Branch = p.Branches[branch-1].Name
			}
			p.Blocks = append(p.Blocks, block)
			elements = append(elements, element{role, block.decoded})
		}
	}
	l.checkShape(b.Type, d.decoded, elements)
}

// checkShape finds what is missing, twice or out of order in a pipeline or a branch. Blocks count also when something in them is wrong.
func (l *loader) checkShape(kind string, around *decoded, elements []element) {
	first := map[engine.Role]*element{}
	var before [rankLast + 1]*element // the first block of each rank
	for i := range elements {
		e := &elements[i]
		other := first[e.role]
		switch {
		case other == nil:
			first[e.role] = e
		case rank(e.role) >= rank(engine.RoleOutput) && e.role != roleBranch:
			l.second(kind, e, other)
		}
		if before[rank(e.role)] == nil {
			before[rank(e.role)] = e
		}
		var later *element
		for _, o := range before[rank(e.role)+1:] {
			if o != nil && (later == nil || o.header.Start.Byte < later.header.Start.Byte) {
				later = o
			}
		}
		if later != nil {
			l.misplaced(kind, e, later)
		}
	}
	if branch := first[roleBranch]; branch != nil {
		l.besideBranches(branch, first[engine.RoleOutput], first[engine.RoleFallback])
	}
	for _, role := range []engine.Role{engine.RoleInput, engine.RoleOutput} {
		if first[role] == nil && slices.Contains(rolesIn(kind), role) && (role == engine.RoleInput || first[roleBranch] == nil) {
			l.tell(around, absent(Diagnostic{Summary: fmt.Sprintf("the %s has no %s", kind, role),
				Detail: fmt.Sprintf("Add %s \"NAME\" { … }. %s", role, l.inventory(kindOf(role)))}))
		}
	}
}

func (l *loader) misplaced(kind string, e, later *element) {
	order := "input, processor, output, then fallback and dead_letter"
	switch {
	case kind == blockBranch:
		order = "processor, output, then fallback and dead_letter"
	case e.role == roleBranch || later.role == roleBranch:
		order = "input, processor, branch, then dead_letter"
	}
	l.tell(e.decoded, Diagnostic{
		Summary: fmt.Sprintf("%s stands after %s, but messages pass it before", e.what, later.what),
		Detail:  fmt.Sprintf("Blocks are written in the order that messages pass them: %s. Move it up.", order),
		Related: []Related{{"what it must stand before is on", later.header}},
	})
}

func (l *loader) second(kind string, e, first *element) {
	detail := `Write to two places by branches, each branch "NAME" { … } with an output of its own, or take one of the two out.`
	if e.role != engine.RoleOutput {
		detail = "Take one of the two out."
	}
	l.tell(e.decoded, Diagnostic{
		Summary: fmt.Sprintf("a %s has one %s, and this is the second", kind, e.role),
		Detail:  detail,
		Related: []Related{{"the first one is on", first.header}},
	})
}

// besideBranches reports what writes beside branches: nothing would ever come to it.
func (l *loader) besideBranches(branch *element, writers ...*element) {
	for _, e := range writers {
		if e != nil {
			l.tell(e.decoded, Diagnostic{
				Summary: fmt.Sprintf("%s stands beside branches, where no message passes", e.what),
				Detail:  fmt.Sprintf("With branches each %s stands in one of them. Move it into a branch; one without when takes every message.", e.role),
				Related: []Related{{"the first branch is on", branch.header}},
			})
		}
	}
}

// arrange puts the blocks of a pipeline into the order of the flow, and gives each a name of its own: "input.amqp", "input.amqp.2" for the second
// of that kind, "audit.output.s3" in a branch.
func (p *Pipeline) arrange() {
	outer := func(b Block) int {
		if b.branch > 0 {
			return rank(roleBranch)
		}
		return rank(b.Role)
	}
	slices.SortStableFunc(p.Blocks, func(a, b Block) int {
		return cmp.Or(outer(a)-outer(b), a.branch-b.branch, rank(a.Role)-rank(b.Role))
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
