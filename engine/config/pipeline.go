package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// pipelines decodes all files.
func (l *loader) pipelines() *Config {
	c := &Config{Admin: NewAdmin()}
	named := map[string]*Pipeline{}
	for _, f := range l.Files {
		if f.Body == nil {
			continue
		}
		for _, p := range l.blocksOf(c, f) {
			if first := named[p.Name]; first != nil && p.Name != "" {
				l.Diags.Add(Diagnostic{Range: &p.Range, Context: fmt.Sprintf("pipeline %q", p.Name), Summary: fmt.Sprintf("there are two pipelines named %q", p.Name),
					Detail: "Logs and metrics tell pipelines by their names. Give one of the two another name.", Related: []Related{{Text: "the first one is on", Range: first.Range}}})
			} else {
				named[p.Name] = p
			}
			c.Pipelines = append(c.Pipelines, p)
		}
	}
	l.checkEmpty(len(c.Pipelines))
	l.checkPaths(c)
	l.checkCircles(c)
	l.checkAlerts(c)
	read := slices.Sorted(maps.Keys(l.Env.Files))
	for _, p := range c.Pipelines {
		p.reads = read
	}
	c.Missing = slices.Sorted(maps.Keys(l.Env.Missing))
	l.DropDoubtful()
	return c
}

// checkEmpty reports files without a pipeline. Beside files that have some it may be what its author wants.
func (l *loader) checkEmpty(pipelines int) {
	for _, f := range l.Files {
		has := func(types ...string) bool {
			return slices.ContainsFunc(f.Body.Blocks, func(b *hclsyntax.Block) bool { return slices.Contains(types, b.Type) })
		}
		if f.Body == nil || has(schema.BlockPipeline) || pipelines > 0 && has(processBlocks...) {
			continue
		}
		g := diagnostics.Absent(Diagnostic{Range: &Range{Filename: f.Name, Start: Pos{Line: 1, Column: 1, Byte: 0}, End: Pos{Line: 1, Column: 1, Byte: 0}},
			Summary: "the file holds no pipeline",
			Detail:  "Begin with:\n  pipeline \"logs\" {\n    input \"…\" { … }\n    output \"…\" { … }\n  }"})
		if pipelines > 0 {
			g.Severity = SeverityWarning
		}
		if len(f.Body.Blocks)+len(f.Body.Attributes)+len(f.Broken) == 0 {
			l.Diags.NoExcerpt(f.Name) // no line of it is to be shown
			l.Diags.Add(g)
		}
	}
}

// blocksOf decodes the blocks of a file. Those about the process go into c.
func (l *loader) blocksOf(c *Config, f *syntax.File) []*Pipeline {
	for _, a := range decode.InOrder(f.Body.Attributes) {
		ev := &eval.Evaluation{World: l.World, File: f}
		ev.Add(a.NameRange, fmt.Sprintf("%s stands outside of a pipeline", diagnostics.Shorten(a.Name)), knownBlocks()+` Values that change come in by env("NAME").`)
	}
	var all []*Pipeline
	for _, b := range f.Body.Blocks {
		switch {
		case b.Type == schema.BlockPipeline:
			all = append(all, l.pipeline(f, b))
			continue
		case f.IsPlaceholder(b) || l.processBlock(c, f, b):
			continue
		}
		g := Diagnostic{Range: diagnostics.RangeOf(b.DefRange()), Summary: fmt.Sprintf("a file has no block %s", diagnostics.Shorten(b.Type))}
		switch near := Suggest(b.Type, append(processBlocks, schema.BlockPipeline)); {
		case slices.Contains(schema.Roles, engine.Role(b.Type)):
			g.Summary = fmt.Sprintf("the block %s stands outside of a pipeline", b.Type)
			g.Detail = `Put it between the braces of a block pipeline "NAME" { … }; check that none is closed too early.`
		case b.Type == schema.BlockTest:
			g.Detail = fmt.Sprintf("Tests stand in files of their own, such as %s, and are run by logpipe test.", TestFileOf("pipeline.hcl"))
		case near != "":
			g.Detail = fmt.Sprintf("Did you mean %s?", near)
		case syntax.Foreign(b.Type) != "":
			g.Detail = syntax.Foreign(b.Type)
		default:
			g.Detail = knownBlocks()
		}
		l.Diags.Add(g)
	}
	return all
}

var pipelineName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

func (l *loader) pipeline(f *syntax.File, b *hclsyntax.Block) *Pipeline {
	d := decode.NewDecoder(l.World, f, b.DefRange(), "the pipeline")
	p := &Pipeline{Name: label(d, b), Range: d.Header, version: l.Version, decoded: d.Decoded}
	own := PipelineAttributes().(*schema.OfPipeline)
	l.inside(p, d, b, own, 0)
	p.arrange()
	p.DrainTimeout, p.DropUnmatched = own.DrainTimeout, own.Unmatched == schema.UnmatchedDrop
	p.partial = p.partial || len(d.Unknown) > 0
	l.resolveTemplates(p, len(f.Broken) > 0)
	for i := range p.Blocks {
		l.finish(&p.Blocks[i])
		p.partial = p.partial || len(p.Blocks[i].decoded.Unknown) > 0
	}
	l.checkBlocks(p)
	return p
}

// label is the name of a pipeline or a branch.
func label(d *decode.Decoder, b *hclsyntax.Block) string {
	if len(b.Labels) == 0 {
		d.Add(Diagnostic{Range: &d.Header, Summary: fmt.Sprintf("the %s has no name", b.Type), Detail: fmt.Sprintf("Write %s \"NAME\" { … }.", b.Type)})
		return ""
	}
	if len(b.Labels) > 1 {
		d.Add(Diagnostic{Range: diagnostics.RangeOf(b.LabelRanges[1]), Summary: fmt.Sprintf("a %s has one name", b.Type), Detail: "Take the second one out."})
	}
	if !pipelineName.MatchString(b.Labels[0]) {
		d.Add(Diagnostic{Range: diagnostics.RangeOf(b.LabelRanges[0]), Summary: fmt.Sprintf("%q cannot be the name of a %s", diagnostics.Shorten(b.Labels[0]), b.Type),
			Detail: "A name has 1 to 64 of the characters a-z, 0-9, _ and -."})
	}
	return b.Labels[0]
}

// resolveTemplates makes the templates of all blocks ready, now that it is known what the batches are grouped by; open says that
// it is not, because blocks may be missing.
func (l *loader) resolveTemplates(p *Pipeline, open bool) {
	scopes := map[int]*decode.TemplateScope{0: scopeOf(p, 0, open)}
	for i := range p.Branches {
		scopes[i+1] = scopeOf(p, i+1, open)
	}
	dead := &decode.TemplateScope{Pipeline: p.Name, None: "Dead letters are not grouped. Use batch.date or batch.id in its place."}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		in := scopes[b.branch]
		if b.Role == engine.RoleDeadLetter {
			in = dead
		}
		for _, t := range b.decoded.Templates {
			put(b.decoded, t, in)
		}
		b.scope = in
	}
}

// scopeOf is what the templates of a branch may refer to; 0 is beside them.
func scopeOf(p *Pipeline, branch int, open bool) *decode.TemplateScope {
	scope := &decode.TemplateScope{Pipeline: p.Name, Open: open}
	for _, b := range p.way(branch) {
		if b.Role != engine.RoleProcessor {
			continue
		}
		switch {
		case !b.knows("partition_by"):
			scope.Open = true
		case b.plugin.IsStage():
			t, ok := b.grouping()
			// A later stage groups anew.
			scope.Partitions, scope.Open = t.PartitionBy, scope.Open || !ok
			scope.Zone, scope.OneDate, scope.OneHour = t.Zone, t.OneDate, t.OneHour
		}
	}
	return scope
}
