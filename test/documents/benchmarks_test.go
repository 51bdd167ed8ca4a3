package documents

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	benchmark = regexp.MustCompile(`(?m)^func (Benchmark\w+)\(`)
	compiling = regexp.MustCompile(`go test -c (\./\S+)`)
	compiled  = regexp.MustCompile(`\./(\w+)\.test .*-test\.bench (\w+)`)
	running   = regexp.MustCompile(`go test .*-bench (\w+) .*(\./\S+)$`)
	pattern   = regexp.MustCompile(`BENCH='?([^ ']+)`)
)

// A figure that nobody can measure again is a rumour: the benchmark that a document names is there, in the package that is named.
func TestBenchmarksThatAreNamedAreThere(t *testing.T) {
	there := map[string]bool{} // by the folder and the name
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for _, m := range benchmark.FindAllStringSubmatch(read(t, path), -1) {
				there[strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), root)+" "+m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, p := range pages(t) {
		made := map[string]string{} // folders of compiled tests
		for _, code := range p.code() {
			if m := compiling.FindStringSubmatch(code); m != nil {
				made[filepath.Base(m[1])] = m[1]
			}
		}
		want := func(folder, name, code string) {
			if named++; !there[strings.TrimPrefix(folder, ".")+" "+name] {
				t.Errorf("%s: there is no %s in %q for %q", p.name, name, folder, code)
			}
		}
		for _, code := range p.code() {
			for _, m := range compiled.FindAllStringSubmatch(code, -1) {
				want(made[m[1]], m[2], code)
			}
			for _, m := range running.FindAllStringSubmatch(code, -1) {
				want(m[2], m[1], code)
			}
			for _, m := range pattern.FindAllStringSubmatch(code, -1) {
				for alternative := range strings.SplitSeq(m[1], "|") {
					name, _, _ := strings.Cut(alternative, "/")
					found := false
					for key := range there {
						found = found || regexp.MustCompile(name).MatchString(key[strings.IndexByte(key, ' ')+1:])
					}
					if named++; !found {
						t.Errorf("%s: no benchmark matches %q of %q", p.name, alternative, code)
					}
				}
			}
		}
	}
	if named < 6 {
		t.Errorf("only %d benchmarks are named", named)
	}
}
