package documents

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program is the source of the program, without its tests.
func program(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"cmd", "engine", "internal", "plugins"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// outage takes the role off a line such as "fallback is well again", which is made of both.
var outage = regexp.MustCompile(`^(output|fallback|dead_letter)( fails.*| is well again)$`)

// fromTheSystem are texts of the operating system.
var fromTheSystem = map[string]bool{"no space left on device": true}

// said tells whether the program can say a line. … stands for what differs from one time to the next.
func said(source, line string) bool {
	if m := outage.FindStringSubmatch(line); m != nil {
		line = m[2]
	}
	for part := range strings.SplitSeq(line, "…") {
		part = strings.ReplaceAll(strings.Trim(part, " ,;"), `"`, `\"`)
		formatted := part[:strings.LastIndexByte(part, ' ')+1] + "%s" // its last word may be one that is put in
		if !strings.Contains(source, part) && !strings.Contains(source, formatted) && !fromTheSystem[part] {
			return false
		}
	}
	return true
}

// Who searches the log for a line of the documents, and finds none because it says something else by now, takes it that all is well.
func TestLinesOfTheLogAreThoseOfTheProgram(t *testing.T) {
	source := program(t)
	for _, row := range one(t, "docs/operations.md").rows(t, "## Lines of the log") {
		for _, line := range spans(row[0]) {
			if !said(source, line) {
				t.Errorf("docs/operations.md has a line %q, which the program does not say", line)
			}
		}
	}
	for _, row := range one(t, "DESIGN.md").rows(t, "## What happens when something fails") {
		if len(row) != 4 {
			t.Errorf("a row of the table of failures has %d cells: %q", len(row), row)
			continue
		}
		for _, line := range spans(row[2]) {
			if !strings.ContainsAny(line, `*%\`) && !strings.HasPrefix(line, "logpipe_") && !said(source, line) {
				t.Errorf("the table of failures says that an operator sees %q, which the program does not say", line)
			}
		}
	}
}

const prefix = "x-logpipe-"

var header = regexp.MustCompile(prefix + `[a-z-]*[a-z]`)

// Headers of dead letters are read by programs of others.
func TestHeadersThatAreNamedAreThere(t *testing.T) {
	source, named := program(t), 0
	for _, p := range pages(t) {
		for _, name := range header.FindAllString(p.text, -1) {
			written := strings.Contains(source, `"`+name+`"`) || strings.Contains(source, `HeaderPrefix + "`+strings.TrimPrefix(name, prefix)+`"`)
			if named++; !written && name != prefix+"original" { // which stands for all that begin so
				t.Errorf("%s names the header %s, which the program does not write", p.name, name)
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d headers are named", named)
	}
}
