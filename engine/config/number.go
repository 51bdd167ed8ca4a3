package config

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// parseNumber reads a number of a sane length. One such as 1e999999999 would take gigabytes when it is made into text.
func parseNumber(text string) (cty.Value, bool) {
	text = strings.TrimSpace(text)
	if len(text) > maxNumber || exponent([]byte(text)) > 2 {
		return cty.NilVal, false
	}
	v, err := cty.ParseNumberVal(text)
	return v, err == nil
}

// beyond is a number that no field can hold. The field has the furthest one, so that the plugin can say which limit it has.
type beyond struct {
	Diagnostic        // what to say if the plugin says nothing
	written    string // the number
	furthest   string
	said       bool
}

func numberText(v cty.Value) string {
	f := v.AsBigFloat()
	if f.IsInt() && f.MantExp(nil) < 80 {
		return f.Text('f', 0)
	}
	return f.Text('g', 10)
}

func isNumber(v cty.Value) bool { return v.Type() == cty.Number && v.IsKnown() && !v.IsNull() }

// saneNumber reports whether a number can be made into text within reason.
func saneNumber(v cty.Value) bool {
	f := v.AsBigFloat()
	exp := f.MantExp(nil)
	return !f.IsInf() && exp < 2000 && exp > -2000
}
