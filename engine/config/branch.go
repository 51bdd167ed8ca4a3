package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/condition"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// branch decodes a branch block. Its blocks go to those of the pipeline.
func (l *loader) branch(p *Pipeline, f *syntax.File, b *hclsyntax.Block) *decode.Decoded {
	what := schema.BlockBranch
	if len(b.Labels) > 0 {
		what = fmt.Sprintf("%s %q", schema.BlockBranch, diagnostics.Shorten(b.Labels[0]))
	}
	d := decode.NewDecoder(l.World, f, b.DefRange(), what)
	own := BranchAttributes().(*schema.OfBranch)
	branch := Branch{Name: label(d, b), Range: d.Header, decoded: d.Decoded}
	p.Branches = append(p.Branches, branch)
	at := len(p.Branches)
	l.inside(p, d, b, own, at)
	made := &p.Branches[at-1]
	made.Default, made.When = own.Default, own.When
	made.always, made.constant = condition.Constant(own.When)
	p.partial = p.partial || len(d.Unknown) > 0
	return d.Decoded
}

// asks reports whether the branch has a when of its own, whether or not that is right.
func (b *Branch) asks() bool { _, ok := b.decoded.Attrs["when"]; return ok }

// takesAll reports whether no message passes the branch by.
func (b *Branch) takesAll() bool {
	return !b.asks() && !b.Default && b.knows("default") || b.constant && b.always
}

// mayHaveNoAnswer reports whether there are messages that its when says nothing of.
func (b *Branch) mayHaveNoAnswer() bool { return b.asks() && !b.constant }

// knows is Block.knows for the branch's own attributes.
func (b *Branch) knows(attr string) bool {
	return !b.decoded.Bad && !slices.Contains(b.decoded.Unknown, attr)
}

// at is the place of an attribute of the branch.
func (b *Branch) at(name string) *Range {
	if a, ok := b.decoded.Attrs[name]; ok {
		return &a.At
	}
	return &b.Range
}

// checkBranches finds what is wrong between the branches of a pipeline.
func (l *loader) checkBranches(p *Pipeline) {
	if len(p.Branches) > 0 {
		l.checkCommonPolicies(p)
	}
	first := map[string]*Branch{}
	var standard *Branch // the one with default = true
	for i := range p.Branches {
		b := &p.Branches[i]
		if other := first[b.Name]; other != nil && b.Name != "" {
			l.tell(b.decoded, Diagnostic{Summary: fmt.Sprintf("there are two branches named %q", b.Name),
				Detail:  "Logs and metrics tell branches by their names. Give one of the two another name.",
				Related: []Related{{Text: "the first one is on", Range: other.Range}}})
		} else {
			first[b.Name] = b
		}
		switch {
		case !b.Default:
		case b.asks():
			l.tell(b.decoded, Diagnostic{Range: b.at("default"), Summary: fmt.Sprintf("%s has both when and default", b.decoded.What),
				Detail:  "The default branch takes what no other one takes; a when names what is taken. Take one of the two out.",
				Related: []Related{{Text: "when is on", Range: *b.at("when")}}})
		case standard != nil:
			l.tell(b.decoded, Diagnostic{Range: b.at("default"), Summary: "a pipeline has one default branch, and this is the second",
				Detail:  "Take default out of one of the two: a branch without it, and without when, takes every message.",
				Related: []Related{{Text: "the first one is on", Range: standard.Range}}})
		}
		l.checkWhen(b)
		if b.Default && standard == nil {
			standard = b
		}
	}
	all := slices.IndexFunc(p.Branches, func(b Branch) bool { return b.takesAll() })
	if all >= 0 && standard != nil {
		l.tell(standard.decoded, Diagnostic{Severity: SeverityWarning, Range: standard.at("default"),
			Summary: fmt.Sprintf("nothing ever comes to %s, because %s takes every message", standard.decoded.What, p.Branches[all].decoded.What),
			Detail:  "Give the other one a when, or take the default branch out.",
			Related: []Related{{Text: "what takes every message is on", Range: p.Branches[all].Range}}})
	}
	l.checkUnmatched(p, all >= 0 || standard != nil)
}

// checkWhen finds a when that asks nothing of the message.
func (l *loader) checkWhen(b *Branch) {
	if !b.constant {
		return
	}
	g := Diagnostic{Severity: SeverityWarning, Range: b.at("when"), Summary: fmt.Sprintf("%s takes every message: its when asks nothing of them", b.decoded.What),
		Detail: "Leave when out, which says it more plainly, or ask for a field."}
	if !b.always {
		g.Summary = fmt.Sprintf("nothing ever comes to %s: its when is false of every message", b.decoded.What)
		g.Detail = "Ask for a field of the message, or take the branch out."
	}
	l.tell(b.decoded, g)
}

// checkCommonPolicies finds a policy such as retry before the branches, where no output is.
func (l *loader) checkCommonPolicies(p *Pipeline) {
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if b.branch == 0 && b.Role == engine.RoleProcessor && b.Config != nil && b.plugin.IsPolicy() {
			l.report(b, Diagnostic{Summary: fmt.Sprintf("%s stands before branches, where there is no output", b.decoded.What),
				Detail:  "It repeats what an output does. Move it into each branch that shall have it, directly before the output.",
				Related: []Related{{Text: "the first branch is on", Range: p.Branches[0].Range}}})
		}
	}
}

// checkUnmatched finds messages that no branch takes and nothing else does, and an answer to a question that never comes up. With
// covered, each message has its branch.
func (l *loader) checkUnmatched(p *Pipeline, covered bool) {
	if a, written := p.decoded.Attrs["unmatched"]; written && a.Ok && (covered || len(p.Branches) == 0) {
		g := Diagnostic{Severity: SeverityWarning, Range: &a.At, Summary: "unmatched counts for nothing: there is no message that no branch takes",
			Detail: "Each message has its branch: a default branch, or one without when, takes it. Take unmatched out."}
		if len(p.Branches) == 0 {
			g.Summary, g.Detail = "unmatched counts for nothing: the pipeline has no branches", "Take it out, or add branches."
		}
		l.tell(p.decoded, g)
	}
	if p.deadLetter(0) != nil {
		return
	}
	asking := slices.IndexFunc(p.Branches, func(b Branch) bool { return b.mayHaveNoAnswer() })
	unknown := slices.ContainsFunc(p.Branches, func(b Branch) bool { return !b.knows("default") })
	if covered || p.DropUnmatched || unknown {
		if asking < 0 {
			return
		}
		b := &p.Branches[asking]
		l.tell(b.decoded, diagnostics.Absent(Diagnostic{Range: b.at("when"),
			Summary: "a message for which a when has no answer is rejected, and the pipeline has no dead_letter to take it",
			Detail:  "That is one that is no JSON object, or has in a field what cannot be compared so. Add a dead_letter block to the pipeline, beside the branches."}))
		return
	}
	if len(p.Branches) == 0 {
		return
	}
	detail := "Add a dead_letter block to the pipeline, beside the branches."
	if asking < 0 {
		detail += ` Or take or drop every message: by a branch with default = true, a branch without when, or unmatched = "drop".`
	} else {
		detail += ` It also takes what a when has no answer for, so the other ways out need it as well: a branch with default = true, a branch without when, or unmatched = "drop".`
	}
	l.tell(p.decoded, diagnostics.Absent(Diagnostic{Summary: "what no branch takes is rejected, and the pipeline has no dead_letter to take it", Detail: detail}))
}
