package schema

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// converter writes a file of HCL in HCL's JSON syntax, as programs do that make configurations.
type converter struct{ src []byte }

// convert reads a file of HCL.
func convert(name string, src []byte) (map[string]any, error) {
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	return converter{src}.body(file.Body.(*hclsyntax.Body)), nil
}

// body writes attributes as properties, and blocks as a list for each type: so their order stays within the type.
func (c converter) body(b *hclsyntax.Body) map[string]any {
	object := map[string]any{}
	for name, a := range b.Attributes {
		object[name] = c.value(a.Expr)
	}
	for _, block := range b.Blocks {
		var v any = c.body(block.Body)
		for i := len(block.Labels) - 1; i >= 0; i-- {
			v = map[string]any{block.Labels[i]: v}
		}
		list, _ := object[block.Type].([]any)
		object[block.Type] = append(list, v)
	}
	return object
}

// value writes literals as they are in JSON, and every other expression as a template.
func (c converter) value(e hclsyntax.Expression) any {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return literal(c.text(e))
	case *hclsyntax.TemplateExpr:
		text := c.text(e)
		if len(text) >= 2 && text[0] == '"' {
			return unquoted(text)
		}
	case *hclsyntax.TupleConsExpr:
		list := []any{}
		for _, item := range e.Exprs {
			list = append(list, c.value(item))
		}
		return list
	case *hclsyntax.ObjectConsExpr:
		object := map[string]any{}
		for _, item := range e.Items {
			key, diags := item.KeyExpr.Value(nil)
			if !diags.HasErrors() {
				object[key.AsString()] = c.value(item.ValueExpr)
			}
		}
		return object
	}
	return fmt.Sprintf("${%s}", c.text(e))
}

func (c converter) text(e hclsyntax.Expression) string {
	r := e.Range()
	return string(c.src[r.Start.Byte:r.End.Byte])
}

// literal is a number, true, false or null.
func literal(text string) any {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return "${" + text + "}"
	}
	return v
}

// unquoted is the text between quotes. What HCL writes in it as ${ and $${ is the same in its JSON syntax.
func unquoted(text string) any {
	s, err := strconv.Unquote(text)
	if err != nil { // there are quotes within a template
		return text[1 : len(text)-1]
	}
	return s
}
