package config

import (
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format returns src, the text of the file name, with canonical indentation and alignment. It changes nothing but white space.
// A file with syntax errors comes back unchanged, with the errors.
func Format(name string, src []byte) ([]byte, *Diagnostics) {
	l := newLoader(Options{})
	l.AddFile(name, src)
	l.Diags.Sort()
	if l.Diags.HasErrors() {
		return src, l.Diags.Found()
	}
	return hclwrite.Format(src), l.Diags.Found()
}
