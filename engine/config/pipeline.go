package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
)

// pipelines decodes all files.
func (l *loader) pipelines() *Config {
	c := &Config{Admin: NewAdmin()}
	named := map[string]*Pipeline{}
	for _, f := range l.files {
		if f.body == nil {
			continue
		}
		for _, p := range l.blocksOf(c, f) {
			if first := named[p.Name]; first != nil && p.Name != "" {
				l.diags.add(Diagnostic{Range: &p.Range, Context: fmt.Sprintf("pipeline %q", p.Name), Summary: fmt.Sprintf("there are two pipelines named %q", p.Name),
					Detail: "Logs and metrics tell pipelines by their names. Give one of the two another name.", Related: []Related{{"the first one is on", first.Range}}})
			} else {
				named[p.Name] = p
			}
			c.Pipelines = append(c.Pipelines, p)
		}
	}
	l.checkEmpty(len(c.Pipelines))
	l.checkPaths(c)
	l.checkAlerts(c)
	read := slices.Sorted(maps.Keys(l.env.files))
	for _, p := range c.Pipelines {
		p.reads = read
	}
	c.Missing = slices.Sorted(maps.Keys(l.env.missing))
	l.dropDoubtful()
	return c
}

// checkEmpty reports files without a pipeline. Beside files that have some it may be what its author wants.
func (l *loader) checkEmpty(pipelines int) {
	for _, f := range l.files {
		has := func(types ...string) bool {
			return slices.ContainsFunc(f.body.Blocks, func(b *hclsyntax.Block) bool { return slices.Contains(types, b.Type) })
		}
		if f.body == nil || has(blockPipeline) || pipelines > 0 && has(processBlocks...) {
			continue
		}
		g := absent(Diagnostic{Range: &Range{Filename: f.name, Start: Pos{1, 1, 0}, End: Pos{1, 1, 0}},
			Summary: "the file holds no pipeline",
			Detail:  "Begin with:\n  pipeline \"logs\" {\n    input \"…\" { … }\n    output \"…\" { … }\n  }"})
		if pipelines > 0 {
			g.Severity = SeverityWarning
		}
		if len(f.body.Blocks)+len(f.body.Attributes)+len(f.broken) == 0 {
			l.diags.noExcerpt(f.name) // no line of it is to be shown
			l.diags.add(g)
		}
	}
}

// blocksOf decodes the blocks of a file. Those about the process go into c.
func (l *loader) blocksOf(c *Config, f *file) []*Pipeline {
	for _, a := range inOrder(f.body.Attributes) {
		ev := &evaluation{l: l.world, f: f}
		ev.add(a.NameRange, fmt.Sprintf("%s stands outside of a pipeline", shorten(a.Name)), knownBlocks()+` Values that change come in by env("NAME").`)
	}
	var all []*Pipeline
	for _, b := range f.body.Blocks {
		switch {
		case b.Type == blockPipeline:
			all = append(all, l.pipeline(f, b))
			continue
		case f.isPlaceholder(b) || l.processBlock(c, f, b):
			continue
		}
		g := Diagnostic{Range: rangeOf(b.DefRange()), Summary: fmt.Sprintf("a file has no block %s", shorten(b.Type))}
		switch near := Suggest(b.Type, append(processBlocks, blockPipeline)); {
		case slices.Contains(roles, engine.Role(b.Type)):
			g.Summary = fmt.Sprintf("the block %s stands outside of a pipeline", b.Type)
			g.Detail = `Put it between the braces of a block pipeline "NAME" { … }; check that none is closed too early.`
		case b.Type == blockTest:
			g.Detail = fmt.Sprintf("Tests stand in files of their own, such as %s, and are run by logpipe test.", TestFileOf("pipeline.hcl"))
		case near != "":
			g.Detail = fmt.Sprintf("Did you mean %s?", near)
		case foreign(b.Type) != "":
			g.Detail = foreign(b.Type)
		default:
			g.Detail = knownBlocks()
		}
		l.diags.add(g)
	}
	return all
}

var pipelineName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

func (l *loader) pipeline(f *file, b *hclsyntax.Block) *Pipeline {
	d := l.newDecoder(f, b.DefRange(), "the pipeline")
	p := &Pipeline{Name: d.label(b), Range: d.header, version: l.Version, decoded: d.decoded}
	own := PipelineAttributes().(*pipelineAttributes)
	l.inside(p, d, b, own, 0)
	p.arrange()
	p.DrainTimeout, p.DropUnmatched = own.DrainTimeout, own.Unmatched == unmatchedDrop
	p.partial = p.partial || len(d.unknown) > 0
	l.resolveTemplates(p, len(f.broken) > 0)
	for i := range p.Blocks {
		l.finish(&p.Blocks[i])
		p.partial = p.partial || len(p.Blocks[i].decoded.unknown) > 0
	}
	l.checkBlocks(p)
	return p
}

// label is the name of a pipeline or a branch.
func (d *decoder) label(b *hclsyntax.Block) string {
	if len(b.Labels) == 0 {
		d.add(Diagnostic{Range: &d.header, Summary: fmt.Sprintf("the %s has no name", b.Type), Detail: fmt.Sprintf("Write %s \"NAME\" { … }.", b.Type)})
		return ""
	}
	if len(b.Labels) > 1 {
		d.add(Diagnostic{Range: rangeOf(b.LabelRanges[1]), Summary: fmt.Sprintf("a %s has one name", b.Type), Detail: "Take the second one out."})
	}
	if !pipelineName.MatchString(b.Labels[0]) {
		d.add(Diagnostic{Range: rangeOf(b.LabelRanges[0]), Summary: fmt.Sprintf("%q cannot be the name of a %s", shorten(b.Labels[0]), b.Type),
			Detail: "A name has 1 to 64 of the characters a-z, 0-9, _ and -."})
	}
	return b.Labels[0]
}

// resolveTemplates makes the templates of all blocks ready, now that it is known what the batches are grouped by; open says that
// it is not, because blocks may be missing.
func (l *loader) resolveTemplates(p *Pipeline, open bool) {
	scopes := map[int]*templateScope{0: scopeOf(p, 0, open)}
	for i := range p.Branches {
		scopes[i+1] = scopeOf(p, i+1, open)
	}
	dead := &templateScope{pipeline: p.Name, none: "Dead letters are not grouped. Use batch.date or batch.id in its place."}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		in := scopes[b.branch]
		if b.Role == engine.RoleDeadLetter {
			in = dead
		}
		for _, t := range b.decoded.templates {
			b.decoded.put(t, in)
		}
	}
}

// scopeOf is what the templates of a branch may refer to; 0 is beside them.
func scopeOf(p *Pipeline, branch int, open bool) *templateScope {
	scope := &templateScope{pipeline: p.Name, open: open}
	for _, b := range p.way(branch) {
		if b.Role != engine.RoleProcessor {
			continue
		}
		switch {
		case !b.knows("partition_by"):
			scope.open = true
		case b.plugin.IsStage():
			by, ok := b.partitions()
			scope.partitions, scope.open = by, scope.open || !ok // a later stage groups anew
		}
	}
	return scope
}
