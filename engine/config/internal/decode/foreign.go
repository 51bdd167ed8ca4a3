package decode

import (
	"fmt"
	"regexp"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// foreign is how other tools write a time or a value in a name. Two letters of hex behind a % are an escape.
var foreign = regexp.MustCompile(`%[YmHMSyj]|%d(?:[^0-9a-fA-F]|$)|\b[Yy]{4}\b|\{\{.*?\}\}|\$TAG\b`)

// warnOfForeign finds in the plain parts of a template what other tools put a value in the place of. Here it stands for itself: all days come under one
// name. What functions are given is theirs, such as the format of a date.
func (t *Template) warnOfForeign(e hclsyntax.Expression) {
	switch e := e.(type) {
	case *hclsyntax.TemplateExpr:
		for _, part := range e.Parts {
			t.warnOfForeignIn(part)
		}
	case *hclsyntax.ConditionalExpr:
		t.warnOfForeign(e.TrueResult)
		t.warnOfForeign(e.FalseResult)
	}
}

func (t *Template) warnOfForeignIn(part hclsyntax.Expression) {
	literal, is := part.(*hclsyntax.LiteralValueExpr)
	if !is || literal.Val.Type() != cty.String {
		return
	}
	found := foreign.FindString(literal.Val.AsString())
	if found == "" {
		return
	}
	t.Ev.World.Diags.Add(diagnostics.Diagnostic{Severity: diagnostics.SeverityWarning, Range: diagnostics.RangeOf(literal.SrcRange), Context: t.Ev.File.Context(literal.SrcRange.Start.Byte),
		Summary: fmt.Sprintf("%s stands for itself in %s, whenever a batch is written", found, t.Ev.Attr),
		Detail:  "Write ${batch.date}, ${batch.year}, ${batch.month}, ${batch.day} or ${batch.hour} for a time, ${batch.partition.NAME} for a field of partition_by."})
}
