// Package jsonscantest is what JSON readers are tried with: a public suite of right and wrong bodies, and log lines to measure with.
package jsonscantest

import (
	_ "embed" // of the suite
	"fmt"
	"strconv"
	"strings"
)

// Case is one body of the suite.
type Case struct {
	Name string // begins with y_ where a reader must accept the body, n_ where it must not, i_ where it is free to choose
	Body []byte
}

// suite is folder test_parsing of https://github.com/nst/JSONTestSuite at 1ef36fa; see LICENSE. Each line is a name, a tab, and the body
// as a Go string: some of its file names are such that no Go module may have them.
//
//go:embed suite.txt
var suite string

// Suite returns all cases. The two large ones of the suite are written out here.
func Suite() []Case {
	cases := []Case{
		{"n_structure_100000_opening_arrays", []byte(strings.Repeat("[", 100000))},
		{"n_structure_open_array_object", []byte(strings.Repeat(`[{"":`, 50000) + "\n")},
	}
	for line := range strings.Lines(suite) {
		name, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		body, err := strconv.Unquote(quoted)
		if err != nil {
			panic(fmt.Sprintf("suite.txt: %s: %v", name, err))
		}
		cases = append(cases, Case{name, []byte(body)})
	}
	return cases
}
