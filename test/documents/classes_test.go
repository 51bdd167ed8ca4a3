package documents

import (
	"regexp"
	"slices"
	"testing"
)

var (
	namedClass = regexp.MustCompile(`\b[cC]lass[A-Z][A-Za-z]* += "([a-z_]+)"`)
	givenClass = regexp.MustCompile(`(?s)lass\(\) string \{.*?\n\}|func withClass.*?\n\}`)
	aClass     = regexp.MustCompile(`(?:return |err, )"([a-z_]+)"`)
)

// Who is called looks up the class of the errors, and reads whose it is to mend that. A class that the table does not have is a dead end.
func TestClassesOfErrorsAreExplained(t *testing.T) {
	var explained []string
	for _, row := range one(t, "docs/operations.md").rows(t, "### Metrics and the dashboard") {
		if len(row) == 3 {
			explained = append(explained, spans(row[0])...)
		}
	}
	source := program(t)
	given := map[string]bool{}
	for _, m := range namedClass.FindAllStringSubmatch(source, -1) {
		given[m[1]] = true
	}
	for _, f := range givenClass.FindAllString(source, -1) {
		for _, m := range aClass.FindAllStringSubmatch(f, -1) {
			given[m[1]] = true
		}
	}
	for class := range given {
		if !slices.Contains(explained, class) {
			t.Errorf("errors are counted by the class %s, which docs/operations.md does not explain", class)
		}
	}
	for _, class := range explained {
		if !given[class] {
			t.Errorf("docs/operations.md explains the class %s, which no error has", class)
		}
	}
	if len(given) < 12 {
		t.Errorf("only %d classes are given", len(given))
	}
}
