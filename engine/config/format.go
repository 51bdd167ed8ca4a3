package config

import "github.com/hashicorp/hcl/v2/hclwrite"

// Format returns src, the text of the file name, with canonical indentation and alignment. It changes nothing but white space.
// A file with syntax errors comes back unchanged, with the errors.
func Format(name string, src []byte) ([]byte, *Diagnostics) {
	l := newLoader(Options{})
	l.addFile(name, src)
	l.diags.sort()
	if l.diags.HasErrors() {
		return src, l.diags.found()
	}
	return hclwrite.Format(src), l.diags.found()
}
