package config

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine"
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
	Messages *int     `hcl:"messages,optional" doc:"How many messages it has at the end."`
	Batches  *int     `hcl:"batches,optional" doc:"How many batches it has at the end."`
	Bodies   anyValue `hcl:"bodies,optional" doc:"The messages, in order. JSON is compared by its value, a text as it stands."`
	Keys     anyValue `hcl:"keys,optional" doc:"Where each batch was written: the key of an object, or the path of a file."`
	SealedBy anyValue `hcl:"sealed_by,optional" doc:"Why each batch was sealed, such as count, bytes or age."`
	Reasons  anyValue `hcl:"reasons,optional" doc:"Why each message is a dead letter: a part of the text."`
}

// expect decodes a block expect.
func (l testLoader) expect(f *file, b *hclsyntax.Block) []Expectation {
	d := l.newDecoder(f, b.DefRange(), "block expect")
	d.noName(b)
	var own expectAttributes
	d.attributes(b, &own)
	all := d.counts("", own.expectCounts)
	all = d.count(all, ExpectDropped, ExpectMessages, ExpectDropped, own.Dropped)
	all = d.count(all, ExpectHeld, ExpectMessages, ExpectHeld, own.Held)
	all = append(all, d.expectBlocks(b, "")...)
	slices.SortStableFunc(all, func(a, b Expectation) int { return a.Range.Start.Byte - b.Range.Start.Byte })
	return all
}

func (d *decoder) counts(branch string, c expectCounts) (all []Expectation) {
	for i, n := range []*int{c.Output, c.Fallback, c.DeadLetter} {
		all = d.count(all, branch+outputRoles[i], ExpectMessages, outputRoles[i], n)
	}
	return all
}

// expectBlocks decodes the blocks of a block expect, or of a branch in it, whose name with a dot is branch then.
func (d *decoder) expectBlocks(b *hclsyntax.Block, branch string) (all []Expectation) {
	known := outputRoles
	if branch == "" {
		known = append(slices.Clone(known), blockBranch)
	}
	seen := map[string]*hclsyntax.Block{}
	for _, inner := range b.Body.Blocks {
		name := strings.Join(append([]string{inner.Type}, inner.Labels...), " ")
		switch first := seen[name]; {
		case d.file.isPlaceholder(inner):
		case !slices.Contains(known, inner.Type):
			d.unknownName(*rangeOf(inner.TypeRange), d.what, inner.Type, "block", known)
		case first != nil:
			d.add(Diagnostic{Range: rangeOf(inner.TypeRange), Summary: fmt.Sprintf("%s may have one block %s, and this is the second", d.what, shorten(name)),
				Detail: "Take one of the two out.", Related: []Related{{"the first one is on", *rangeOf(first.TypeRange)}}})
		case inner.Type == blockBranch:
			seen[name] = inner
			all = append(all, testLoader{d.l}.expectBranch(d.file, inner)...)
		default:
			seen[name] = inner
			all = append(all, testLoader{d.l}.expectPlace(d.file, inner, branch)...)
		}
	}
	return all
}

func (l testLoader) expectBranch(f *file, b *hclsyntax.Block) []Expectation {
	d := l.newDecoder(f, b.DefRange(), "block branch")
	if len(b.Labels) != 1 {
		d.add(Diagnostic{Range: rangeOf(b.TypeRange), Summary: "the block branch does not say which one", Detail: `Write branch "NAME" { … }.`})
		return nil
	}
	branch := b.Labels[0] + "."
	var own expectCounts
	d.attributes(b, &own)
	return append(d.counts(branch, own), d.expectBlocks(b, branch)...)
}

// attributes decodes the attributes of a block alone.
func (d *decoder) attributes(b *hclsyntax.Block, into any) {
	d.body(&hclsyntax.Body{Attributes: b.Body.Attributes}, d.header, d.what, "", targets(into))
}

func (l testLoader) expectPlace(f *file, b *hclsyntax.Block, branch string) []Expectation {
	d := l.newDecoder(f, b.DefRange(), "block "+b.Type)
	d.noName(b)
	var own placeAttributes
	d.whole(b, &own)
	place := branch + b.Type
	all := d.count(nil, place, ExpectMessages, ExpectMessages, own.Messages)
	all = d.count(all, place, ExpectBatches, ExpectBatches, own.Batches)
	all = d.list(all, place, ExpectBodies, own.Bodies, false)
	all = d.list(all, place, ExpectKeys, own.Keys, true)
	all = d.list(all, place, ExpectSealedBy, own.SealedBy, true)
	if own.Reasons.expr != nil && b.Type != string(engine.RoleDeadLetter) {
		d.wrong("reasons", "only dead letters have reasons", "Put it into the block dead_letter.")
	}
	return d.list(all, place, ExpectReasons, own.Reasons, true)
}

func (d *decoder) count(all []Expectation, place, what, attr string, n *int) []Expectation {
	switch {
	case n == nil:
		return all
	case *n < 0:
		d.wrong(attr, fmt.Sprintf("%s must not be negative", attr), "")
	}
	return append(all, Expectation{Place: place, What: what, Count: *n, Range: d.attrs[attr].at})
}

func (d *decoder) list(all []Expectation, place, what string, v anyValue, texts bool) []Expectation {
	if v.expr == nil {
		return all
	}
	e := Expectation{Place: place, What: what, Range: d.attrs[what].at}
	items, at, ok := v.items()
	for _, item := range items {
		value := testValue(item)
		ok = ok && (!texts || value.Value == nil)
		e.List = append(e.List, value)
	}
	if !ok {
		kind := "list"
		if texts {
			kind = "list of texts"
		}
		d.wrong(what, fmt.Sprintf("%s is not a %s", what, kind), fmt.Sprintf("Put it in brackets: %s = [ … ].", what))
	}
	e.Items = at
	return append(all, e)
}

// whole decodes a block into a struct.
func (d *decoder) whole(b *hclsyntax.Block, into any) {
	d.body(b.Body, d.header, d.what, "", targets(into))
}

// wrong says that an attribute's value is wrong.
func (d *decoder) wrong(attr, summary, detail string) {
	at := d.attrs[attr].at
	d.add(Diagnostic{Range: &at, Summary: summary, Detail: detail})
}

func (d *decoder) noName(b *hclsyntax.Block) {
	if len(b.Labels) > 0 {
		d.add(Diagnostic{Range: rangeOfBlock(b), Summary: fmt.Sprintf("the block %s takes no name", b.Type), Detail: fmt.Sprintf("Write %s { … }.", b.Type)})
	}
}

func (d *decoder) time(attr, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		d.wrong(attr, fmt.Sprintf("%q is no time", shorten(text)), `Write it as in "2026-01-02T15:04:05Z".`)
	}
	return at.UTC()
}

// place checks the name of an output. Which branches there are is known to the pipeline.
func (d *decoder) place(name string, at Range) bool {
	role := name[strings.LastIndexByte(name, '.')+1:]
	if slices.Contains(outputRoles, role) {
		return true
	}
	g := Diagnostic{Range: &at, Summary: fmt.Sprintf("there is no %s that could fail", shorten(name)), Detail: fmt.Sprintf("There are %s.", quoted(outputRoles, "and"))}
	if near := Suggest(role, outputRoles); near != "" {
		g.Detail = fmt.Sprintf("Did you mean %q?", near)
	}
	d.add(g)
	return false
}

func wholeNumber(v cty.Value) (int, bool) {
	if !isNumber(v) {
		return 0, false
	}
	n, accuracy := v.AsBigFloat().Int64()
	return int(n), accuracy == big.Exact
}
