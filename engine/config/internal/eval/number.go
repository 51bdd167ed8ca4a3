package eval

import (
	"strings"

	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
	"github.com/zclconf/go-cty/cty"
)

// ParseNumber reads a number of a sane length. One such as 1e999999999 would take gigabytes when it is made into text.
func ParseNumber(text string) (cty.Value, bool) {
	text = strings.TrimSpace(text)
	if len(text) > syntax.MaxNumber || syntax.Exponent([]byte(text)) > 2 {
		return cty.NilVal, false
	}
	v, err := cty.ParseNumberVal(text)
	return v, err == nil
}

// beyond is a number that no field can hold. The field has the furthest one, so that the plugin can say which limit it has.
type Beyond struct {
	diagnostics.Diagnostic        // what to say if the plugin says nothing
	Written                string // the number
	Furthest               string
	Said                   bool
}

// NumberText writes a number as people do.
func NumberText(v cty.Value) string {
	f := v.AsBigFloat()
	if f.IsInt() && f.MantExp(nil) < 80 {
		return f.Text('f', 0)
	}
	return f.Text('g', 10)
}

// IsNumber reports whether a value is a number that is known.
func IsNumber(v cty.Value) bool { return v.Type() == cty.Number && v.IsKnown() && !v.IsNull() }

// SaneNumber reports whether a number can be made into text within reason.
func SaneNumber(v cty.Value) bool {
	f := v.AsBigFloat()
	exp := f.MantExp(nil)
	return !f.IsInf() && exp < 2000 && exp > -2000
}
