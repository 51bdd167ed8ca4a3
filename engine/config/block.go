package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// block decodes one block of a pipeline or a branch as far as it can be: its templates are resolved later. Its role is one that may stand there.
func (l *loader) block(f *syntax.File, b *hclsyntax.Block) Block {
	role := engine.Role(b.Type)
	what := b.Type
	if len(b.Labels) > 0 {
		what = fmt.Sprintf("%s %q", b.Type, diagnostics.Shorten(b.Labels[0]))
	}
	d := decode.NewDecoder(l.World, f, b.DefRange(), what)
	block := Block{Role: role, Range: d.Header, decoded: d.Decoded}
	if len(b.Labels) != 1 {
		wrongLabels(d, b, schema.KindOf(role))
		return block
	}
	block.Type = b.Labels[0]
	i := slices.IndexFunc(l.Plugins, func(p engine.Plugin) bool { return p.Kind() == schema.KindOf(role) && p.Name() == block.Type })
	if i < 0 {
		unknownPlugin(d, b, role)
		return block
	}
	block.plugin = l.Plugins[i]
	block.Config = block.plugin.NewConfig()
	own := schema.AttributesOf(role)
	d.Body(b.Body, d.Header, what, "", append(decode.Targets(block.Config), decode.Targets(own)...))
	d.Validate(own, role)
	switch own := own.(type) {
	case *schema.OfInput:
		block.MaxInFlight, block.MaxInFlightBytes = own.MaxInFlight, own.MaxInFlightBytes
	case *schema.OfOutput:
		block.Workers = own.Workers
	case *schema.OfFallback:
		block.Recover = own.Recover
	}
	return block
}

// unknownRole reports a block that a pipeline or a branch does not have.
func (l *loader) unknownRole(f *syntax.File, b *hclsyntax.Block, kind string) {
	var known []string
	for _, r := range schema.RolesIn(kind) {
		known = append(known, string(r))
	}
	g := Diagnostic{Range: diagnostics.RangeOf(b.TypeRange), Context: f.ContextOf(b.TypeRange.Start.Byte, 1), Summary: fmt.Sprintf("a %s has no block %s", kind, diagnostics.Shorten(b.Type))}
	switch near := Suggest(b.Type, known); {
	case kind == schema.BlockBranch && b.Type == string(engine.RoleInput):
		g.Detail = "Messages come to a branch from the inputs of the pipeline. Move it out of the branch, above the first one."
	case kind == schema.BlockBranch && b.Type == schema.BlockBranch:
		g.Detail = `Branches are not nested. Move it beside the other one, and say in its when what both ask for, as in "kind == 'audit' and level == 'error'".`
	case l.AsBlock(b.Type) != "":
		g.Detail = fmt.Sprintf("Did you mean %s?", l.AsBlock(b.Type))
	case near != "":
		g.Detail = fmt.Sprintf("Did you mean %s?", near)
	case otherWord(b.Type) != "":
		g.Detail = fmt.Sprintf("Did you mean %s?", otherWord(b.Type))
	case schema.PlaceOf(b.Type) != "":
		g.Detail = fmt.Sprintf("%s is an attribute; it belongs in %s.", b.Type, schema.PlaceOf(b.Type))
	default:
		g.Detail = fmt.Sprintf("It has %s.", diagnostics.Enumerate(known, "and"))
	}
	l.Diags.Add(g)
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
		return schema.BlockBranch
	}
	return ""
}

func wrongLabels(d *decode.Decoder, b *hclsyntax.Block, kind engine.Kind) {
	if len(b.Labels) == 0 {
		d.Add(Diagnostic{Range: diagnostics.RangeOf(b.TypeRange), Summary: fmt.Sprintf("the block %s does not say which plugin it means", b.Type),
			Detail: fmt.Sprintf("Write %s \"NAME\" { … }. %s", b.Type, d.World.Inventory(kind))})
		return
	}
	d.Add(Diagnostic{Range: diagnostics.RangeOf(b.LabelRanges[1]), Summary: fmt.Sprintf("the block %s takes one name, that of its plugin", b.Type), Detail: "Take the second one out."})
}

func unknownPlugin(d *decode.Decoder, b *hclsyntax.Block, role engine.Role) {
	kind, name := schema.KindOf(role), b.Labels[0]
	detail := d.World.Inventory(kind)
	if near := syntax.Meant(name, d.World.PluginNames(kind)); near != "" {
		detail = fmt.Sprintf("Did you mean %q? %s", near, detail)
	}
	article := map[engine.Kind]string{engine.KindInput: "an input", engine.KindProcessor: "a processor", engine.KindOutput: "an output"}
	for _, other := range []engine.Kind{engine.KindInput, engine.KindProcessor, engine.KindOutput} {
		if other != kind && slices.Contains(d.World.PluginNames(other), name) {
			detail = fmt.Sprintf("There is %s of that name, but no %s. %s", article[other], kind, detail)
		}
	}
	d.Add(Diagnostic{Range: diagnostics.RangeOf(b.LabelRanges[0]), Summary: fmt.Sprintf("there is no %s %q", kind, diagnostics.Shorten(name)), Detail: detail})
}

// put resolves a template and stores it in its field.
func put(d *decode.Decoded, t *decode.Template, scope *decode.TemplateScope) {
	a := d.Attrs[t.Path]
	tpl, unknown, ok := t.Resolve(scope)
	switch {
	case !ok:
		d.Bad = true
	case unknown:
		d.Unknown = append(d.Unknown, decode.Outermost(t.Path))
	default:
		a.Ok = true
		if tpl != nil {
			t.Set(tpl)
		}
	}
	a.Values = t.Ev.Values()
	d.Attrs[t.Path] = a
}

// finish asks the plugin for mistakes in its configuration.
func (l *loader) finish(b *Block) {
	if b.Config != nil {
		d := &decode.Decoder{World: l.World, Decoded: b.decoded}
		d.Validate(b.Config, b.Role)
		d.AddBeyond()
	}
}

// grouping is what the block groups by, in the words of its traits. The plugin has not been asked yet whether its configuration is right, so that its
// mistakes and those of templates are told in one run; should it not bear that, it is not known.
func (b *Block) grouping() (t engine.Traits, ok bool) {
	defer func() { _ = recover() }()
	return b.Traits(), true
}

// knows reports whether the block's configuration is what its file says, as far as these attributes go: then a trait that follows from them
// means something. Others may depend on variables that are not set, see Options.NoEnv.
func (b *Block) knows(attrs ...string) bool {
	return b.Config != nil && !b.decoded.Bad && !slices.ContainsFunc(b.decoded.Unknown, func(name string) bool { return slices.Contains(attrs, name) })
}
