package documents

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	target = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):( |$)`)
	phony  = regexp.MustCompile(`(?m)^\.PHONY: (.*)$`)
	making = regexp.MustCompile(`(?:^|[;&] |^[A-Z_]+=\S+ )make ([a-z][a-z0-9-]*)`)
	listed = regexp.MustCompile(`(?m)^ {4}make ([a-z0-9-]+) `)
)

// A target that a document names and that is not there is a claim that nobody can repeat.
func TestTargetsThatAreNamedAreThere(t *testing.T) {
	makefile := read(t, root+"/Makefile")
	there := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(makefile, -1) {
		there[m[1]] = true
	}
	named := 0
	for _, p := range pages(t) {
		for _, code := range p.code() {
			for _, m := range making.FindAllStringSubmatch(code, -1) {
				if named++; !there[m[1]] {
					t.Errorf("%s: there is no target %q for %q", p.name, m[1], code)
				}
			}
		}
	}
	if named < 40 {
		t.Errorf("%d targets are named; is the pattern right?", named)
	}
	declared := strings.Fields(phony.FindStringSubmatch(makefile)[1])
	told := listed.FindAllStringSubmatch(read(t, root+"/CONTRIBUTING.md"), -1)
	for name := range there {
		if !slices.Contains(declared, name) {
			t.Errorf("the target %s is not among .PHONY: a file of its name would hide it", name)
		}
		if !slices.ContainsFunc(told, func(m []string) bool { return m[1] == name }) {
			t.Errorf("CONTRIBUTING.md does not say what make %s does", name)
		}
	}
	for _, name := range declared {
		if !there[name] {
			t.Errorf(".PHONY has %s, which is no target", name)
		}
	}
}
