package documents

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Go files are named by their path from the root, but for config.go, which each plugin has. A test is named with the folder it stands in or
// below, or by its name alone; … says that only the beginning of the name is given.
var (
	namedFile = regexp.MustCompile("`((?:[a-z]+/)*[a-z_]+\\.go)`")
	namedTest = regexp.MustCompile("`(?:((?:[a-z]+/)*[a-z]+): )?(Test[A-Za-z0-9_]+)(…?)[^`]*`")
	testFunc  = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// The documents say which test shows a claim, and where to look. A claim whose test was renamed away is one that nothing shows.
func TestWhatDocumentsNameIsThere(t *testing.T) {
	const root = "../.."
	tests := testsBelow(t, root)
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files, named := 0, 0
	for _, page := range append(pages, root+"/README.md", root+"/DESIGN.md", root+"/CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range namedFile.FindAllStringSubmatch(string(text), -1) {
			files++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil && m[1] != "config.go" {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
		for _, m := range namedTest.FindAllStringSubmatch(string(text), -1) {
			named++
			if !has(tests, m[1], m[2], m[3] != "") {
				t.Errorf("%s names %s, which is not there", page, m[0])
			}
		}
	}
	if files < 20 || named < 50 {
		t.Errorf("%d files and %d tests are named; are the patterns right?", files, named)
	}
}

// testsBelow are the names of the tests of each folder.
func testsBelow(t *testing.T, root string) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			tests[filepath.ToSlash(folder)] = append(tests[filepath.ToSlash(folder)], m[1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

func has(tests map[string][]string, folder, name string, cut bool) bool {
	for in, names := range tests {
		if folder != "" && in != folder && !strings.HasPrefix(in, folder+"/") {
			continue
		}
		for _, n := range names {
			if n == name || cut && strings.HasPrefix(n, name) {
				return true
			}
		}
	}
	return false
}
