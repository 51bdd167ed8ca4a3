package testfile

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// expectCounts are counts of the pipeline's own ends, or of those of a branch.
type expectCounts struct {
	Output     *int `hcl:"output,optional" doc:"How many messages the output has at the end."`
	Fallback   *int `hcl:"fallback,optional" doc:"How many messages are in the fallback at the end, and not home again."`
	DeadLetter *int `hcl:"dead_letter,optional" doc:"How many dead letters there are."`
}

type expectAttributes struct {
	expectCounts
	Dropped *int `hcl:"dropped,optional" doc:"How many messages processors dropped."`
	Held    *int `hcl:"held,optional" doc:"How many messages can be written nowhere, for which their source still waits."`
}

type placeAttributes struct {
	Messages *int            `hcl:"messages,optional" doc:"How many messages it has at the end."`
	Batches  *int            `hcl:"batches,optional" doc:"How many batches it has at the end."`
	Bodies   schema.AnyValue `hcl:"bodies,optional" doc:"The messages, in order. JSON is compared by its value, a text as it stands."`
	Keys     schema.AnyValue `hcl:"keys,optional" doc:"Where each batch was written: the key of an object, or the path of a file."`
	SealedBy schema.AnyValue `hcl:"sealed_by,optional" doc:"Why each batch was sealed, such as count, bytes or age."`
	Reasons  schema.AnyValue `hcl:"reasons,optional" doc:"Why each message is a dead letter: a part of the text."`
}

// expect decodes a block expect.
func (l loader) expect(f *syntax.File, b *hclsyntax.Block) []Expectation {
	d := decode.NewDecoder(l.World, f, b.DefRange(), "block expect")
	noName(d, b)
	var own expectAttributes
	attributes(d, b, &own)
	all := counts(d, "", own.expectCounts)
	all = count(d, all, ExpectDropped, ExpectMessages, ExpectDropped, own.Dropped)
	all = count(d, all, ExpectHeld, ExpectMessages, ExpectHeld, own.Held)
	all = append(all, expectBlocks(d, b, "")...)
	slices.SortStableFunc(all, func(a, b Expectation) int { return a.Range.Start.Byte - b.Range.Start.Byte })
	return all
}

func counts(d *decode.Decoder, branch string, c expectCounts) (all []Expectation) {
	for i, n := range []*int{c.Output, c.Fallback, c.DeadLetter} {
		all = count(d, all, branch+outputRoles[i], ExpectMessages, outputRoles[i], n)
	}
	return all
}

// expectBlocks decodes the blocks of a block expect, or of a branch in it, whose name with a dot is branch then.
func expectBlocks(d *decode.Decoder, b *hclsyntax.Block, branch string) (all []Expectation) {
	known := outputRoles
	if branch == "" {
		known = append(slices.Clone(known), schema.BlockBranch)
	}
	seen := map[string]*hclsyntax.Block{}
	for _, inner := range b.Body.Blocks {
		name := strings.Join(append([]string{inner.Type}, inner.Labels...), " ")
		switch first := seen[name]; {
		case d.File.IsPlaceholder(inner):
		case !slices.Contains(known, inner.Type):
			d.UnknownName(*diagnostics.RangeOf(inner.TypeRange), d.What, inner.Type, "block", known)
		case first != nil:
			d.Add(diagnostics.Diagnostic{Range: diagnostics.RangeOf(inner.TypeRange), Summary: fmt.Sprintf("%s may have one block %s, and this is the second", d.What, diagnostics.Shorten(name)),
				Detail: "Take one of the two out.", Related: []diagnostics.Related{{Text: "the first one is on", Range: *diagnostics.RangeOf(first.TypeRange)}}})
		case inner.Type == schema.BlockBranch:
			seen[name] = inner
			all = append(all, loader{d.World}.expectBranch(d.File, inner)...)
		default:
			seen[name] = inner
			all = append(all, loader{d.World}.expectPlace(d.File, inner, branch)...)
		}
	}
	return all
}

func (l loader) expectBranch(f *syntax.File, b *hclsyntax.Block) []Expectation {
	d := decode.NewDecoder(l.World, f, b.DefRange(), "block branch")
	if len(b.Labels) != 1 {
		d.Add(diagnostics.Diagnostic{Range: diagnostics.RangeOf(b.TypeRange), Summary: "the block branch does not say which one", Detail: `Write branch "NAME" { … }.`})
		return nil
	}
	branch := b.Labels[0] + "."
	var own expectCounts
	attributes(d, b, &own)
	return append(counts(d, branch, own), expectBlocks(d, b, branch)...)
}

// attributes decodes the attributes of a block alone.
func attributes(d *decode.Decoder, b *hclsyntax.Block, into any) {
	d.Body(&hclsyntax.Body{Attributes: b.Body.Attributes}, d.Header, d.What, "", decode.Targets(into))
}

func (l loader) expectPlace(f *syntax.File, b *hclsyntax.Block, branch string) []Expectation {
	d := decode.NewDecoder(l.World, f, b.DefRange(), "block "+b.Type)
	noName(d, b)
	var own placeAttributes
	whole(d, b, &own)
	place := branch + b.Type
	all := count(d, nil, place, ExpectMessages, ExpectMessages, own.Messages)
	all = count(d, all, place, ExpectBatches, ExpectBatches, own.Batches)
	all = list(d, all, place, ExpectBodies, own.Bodies, false)
	all = list(d, all, place, ExpectKeys, own.Keys, true)
	all = list(d, all, place, ExpectSealedBy, own.SealedBy, true)
	if own.Reasons.Expr != nil && b.Type != string(engine.RoleDeadLetter) {
		wrong(d, "reasons", "only dead letters have reasons", "Put it into the block dead_letter.")
	}
	return list(d, all, place, ExpectReasons, own.Reasons, true)
}

func count(d *decode.Decoder, all []Expectation, place, what, attr string, n *int) []Expectation {
	switch {
	case n == nil:
		return all
	case *n < 0:
		wrong(d, attr, fmt.Sprintf("%s must not be negative", attr), "")
	}
	return append(all, Expectation{Place: place, What: what, Count: *n, Range: d.Attrs[attr].At})
}

func list(d *decode.Decoder, all []Expectation, place, what string, v schema.AnyValue, texts bool) []Expectation {
	if v.Expr == nil {
		return all
	}
	e := Expectation{Place: place, What: what, Range: d.Attrs[what].At}
	items, at, ok := v.Items()
	for _, item := range items {
		value := decode.NewTestValue(item)
		ok = ok && (!texts || value.Value == nil)
		e.List = append(e.List, value)
	}
	if !ok {
		kind := "list"
		if texts {
			kind = "list of texts"
		}
		wrong(d, what, fmt.Sprintf("%s is not a %s", what, kind), fmt.Sprintf("Put it in brackets: %s = [ … ].", what))
	}
	e.Items = at
	return append(all, e)
}

// whole decodes a block into a struct.
func whole(d *decode.Decoder, b *hclsyntax.Block, into any) {
	d.Body(b.Body, d.Header, d.What, "", decode.Targets(into))
}

// wrong says that an attribute's value is wrong.
func wrong(d *decode.Decoder, attr, summary, detail string) {
	at := d.Attrs[attr].At
	d.Add(diagnostics.Diagnostic{Range: &at, Summary: summary, Detail: detail})
}

func noName(d *decode.Decoder, b *hclsyntax.Block) {
	if len(b.Labels) > 0 {
		d.Add(diagnostics.Diagnostic{Range: decode.RangeOfBlock(b), Summary: fmt.Sprintf("the block %s takes no name", b.Type), Detail: fmt.Sprintf("Write %s { … }.", b.Type)})
	}
}

func timeOf(d *decode.Decoder, attr, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		wrong(d, attr, fmt.Sprintf("%q is no time", diagnostics.Shorten(text)), `Write it as in "2026-01-02T15:04:05Z".`)
	}
	return at.UTC()
}

// place checks the name of an output. Which branches there are is known to the pipeline.
func place(d *decode.Decoder, name string, at diagnostics.Range) bool {
	role := name[strings.LastIndexByte(name, '.')+1:]
	if slices.Contains(outputRoles, role) {
		return true
	}
	g := diagnostics.Diagnostic{Range: &at, Summary: fmt.Sprintf("there is no %s that could fail", diagnostics.Shorten(name)), Detail: fmt.Sprintf("There are %s.", diagnostics.Quoted(outputRoles, "and"))}
	if near := diagnostics.Suggest(role, outputRoles); near != "" {
		g.Detail = fmt.Sprintf("Did you mean %q?", near)
	}
	d.Add(g)
	return false
}

func wholeNumber(v cty.Value) (int, bool) {
	if !eval.IsNumber(v) {
		return 0, false
	}
	n, accuracy := v.AsBigFloat().Int64()
	return int(n), accuracy == big.Exact
}
