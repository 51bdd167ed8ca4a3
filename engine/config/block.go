package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
)

// block decodes one block of a pipeline or a branch as far as it can be: its templates are resolved later. Its role is one that may stand there.
func (l *loader) block(f *file, b *hclsyntax.Block) Block {
	role := engine.Role(b.Type)
	what := b.Type
	if len(b.Labels) > 0 {
		what = fmt.Sprintf("%s %q", b.Type, shorten(b.Labels[0]))
	}
	d := l.newDecoder(f, b.DefRange(), what)
	block := Block{Role: role, Range: d.header, decoded: d.decoded}
	if len(b.Labels) != 1 {
		d.wrongLabels(b, kindOf(role))
		return block
	}
	block.Type = b.Labels[0]
	i := slices.IndexFunc(l.Plugins, func(p engine.Plugin) bool { return p.Kind() == kindOf(role) && p.Name() == block.Type })
	if i < 0 {
		d.unknownPlugin(b, role)
		return block
	}
	block.plugin = l.Plugins[i]
	block.Config = block.plugin.NewConfig()
	own := attributesOf(role)
	d.body(b.Body, d.header, what, "", append(targets(block.Config), targets(own)...))
	d.validate(own, role)
	switch own := own.(type) {
	case *inputAttributes:
		block.MaxInFlight, block.MaxInFlightBytes = own.MaxInFlight, own.MaxInFlightBytes
	case *outputAttributes:
		block.Workers = own.Workers
	case *fallbackAttributes:
		block.Recover = own.Recover
	}
	return block
}

// unknownRole reports a block that a pipeline or a branch does not have.
func (l *loader) unknownRole(f *file, b *hclsyntax.Block, kind string) {
	var known []string
	for _, r := range rolesIn(kind) {
		known = append(known, string(r))
	}
	g := Diagnostic{Range: rangeOf(b.TypeRange), Context: f.contextOf(b.TypeRange.Start.Byte, 1), Summary: fmt.Sprintf("a %s has no block %s", kind, shorten(b.Type))}
	switch near := Suggest(b.Type, known); {
	case kind == blockBranch && b.Type == string(engine.RoleInput):
		g.Detail = "Messages come to a branch from the inputs of the pipeline. Move it out of the branch, above the first one."
	case kind == blockBranch && b.Type == blockBranch:
		g.Detail = `Branches are not nested. Move it beside the other one, and say in its when what both ask for, as in "kind == 'audit' and level == 'error'".`
	case l.asBlock(b.Type) != "":
		g.Detail = fmt.Sprintf("Did you mean %s?", l.asBlock(b.Type))
	case near != "":
		g.Detail = fmt.Sprintf("Did you mean %s?", near)
	case otherWord(b.Type) != "":
		g.Detail = fmt.Sprintf("Did you mean %s?", otherWord(b.Type))
	case placeOf(b.Type) != "":
		g.Detail = fmt.Sprintf("%s is an attribute; it belongs in %s.", b.Type, placeOf(b.Type))
	default:
		g.Detail = fmt.Sprintf("It has %s.", enumerate(known, "and"))
	}
	l.diags.add(g)
}

// otherWord translates what other tools call the blocks.
func otherWord(s string) string {
	switch strings.TrimSuffix(s, "s") {
	case "source", "from", "consumer", "receiver":
		return string(engine.RoleInput)
	case "transform", "filter", "step", "stage", "policy", "batch", "retry":
		return string(engine.RoleProcessor)
	case "sink", "destination", "to", "exporter", "store":
		return string(engine.RoleOutput)
	case "dlq", "reject", "rejected":
		return string(engine.RoleDeadLetter)
	case "route", "router", "case", "switch", "when", "way", "fanout", "fan_out":
		return blockBranch
	}
	return ""
}

func (d *decoder) wrongLabels(b *hclsyntax.Block, kind engine.Kind) {
	if len(b.Labels) == 0 {
		d.add(Diagnostic{Range: rangeOf(b.TypeRange), Summary: fmt.Sprintf("the block %s does not say which plugin it means", b.Type),
			Detail: fmt.Sprintf("Write %s \"NAME\" { … }. %s", b.Type, d.l.inventory(kind))})
		return
	}
	d.add(Diagnostic{Range: rangeOf(b.LabelRanges[1]), Summary: fmt.Sprintf("the block %s takes one name, that of its plugin", b.Type), Detail: "Take the second one out."})
}

func (d *decoder) unknownPlugin(b *hclsyntax.Block, role engine.Role) {
	kind, name := kindOf(role), b.Labels[0]
	detail := d.l.inventory(kind)
	if near := meant(name, d.l.pluginNames(kind)); near != "" {
		detail = fmt.Sprintf("Did you mean %q? %s", near, detail)
	}
	article := map[engine.Kind]string{engine.KindInput: "an input", engine.KindProcessor: "a processor", engine.KindOutput: "an output"}
	for _, other := range []engine.Kind{engine.KindInput, engine.KindProcessor, engine.KindOutput} {
		if other != kind && slices.Contains(d.l.pluginNames(other), name) {
			detail = fmt.Sprintf("There is %s of that name, but no %s. %s", article[other], kind, detail)
		}
	}
	d.add(Diagnostic{Range: rangeOf(b.LabelRanges[0]), Summary: fmt.Sprintf("there is no %s %q", kind, shorten(name)), Detail: detail})
}

// put resolves a template and stores it in its field.
func (d *decoded) put(t *template, scope *templateScope) {
	a := d.attrs[t.path]
	tpl, unknown, ok := t.resolve(scope)
	switch {
	case !ok:
		d.bad = true
	case unknown:
		d.unknown = append(d.unknown, outermost(t.path))
	default:
		a.ok = true
		if tpl != nil {
			t.set(tpl)
		}
	}
	a.values = t.ev.values()
	d.attrs[t.path] = a
}

// finish asks the plugin for mistakes in its configuration.
func (l *loader) finish(b *Block) {
	if b.Config != nil {
		d := &decoder{l.world, b.decoded}
		d.validate(b.Config, b.Role)
		d.addBeyond()
	}
}

// partitions is what the block groups by. The plugin has not been asked yet whether its configuration is right, so that its mistakes and those of
// templates are told in one run; should it not bear that, its partitions are not known.
func (b *Block) partitions() (by []string, ok bool) {
	defer func() { _ = recover() }()
	return b.Traits().PartitionBy, true
}

// knows reports whether the block's configuration is what its file says, as far as these attributes go: then a trait that follows from them
// means something. Others may depend on variables that are not set, see Options.NoEnv.
func (b *Block) knows(attrs ...string) bool {
	return b.Config != nil && !b.decoded.bad && !slices.ContainsFunc(b.decoded.unknown, func(name string) bool { return slices.Contains(attrs, name) })
}
