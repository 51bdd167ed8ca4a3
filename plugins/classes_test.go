package plugins_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
	"github.com/logpipe/logpipe/plugins"
)

const module = "github.com/logpipe/logpipe/"

var (
	namedClass  = regexp.MustCompile(`^[cC]lass[A-Z]`)
	givesClass  = regexp.MustCompile(`[cC]lass`)
	outOfPlugin = "plugins/internal/"
)

// A class that does not begin at 0 is missing in the rate over the counter until it was seen twice: of 46 errors an alert saw one. So each class
// in the code of an output is among those that its Traits name, and nothing else is.
func TestClassesInTheCodeAreCountedFromZero(t *testing.T) {
	outputs := 0
	for _, p := range plugins.All {
		if p.Kind() != engine.KindOutput {
			continue
		}
		outputs++
		place := stats.Place{Name: "output." + p.Name(), Role: engine.RoleOutput, Classes: engine.TraitsOf(p.NewConfig()).Classes}
		counted := stats.NewPipeline("logs", []stats.Place{place}).Steps[0].FailedBy()
		written := map[string]bool{}
		for _, class := range engine.Classes() {
			written[class] = true
		}
		collectClasses(t, strings.TrimPrefix(p.Package(), module), written, map[string]bool{})
		for class := range written {
			if n, ok := counted[class]; !ok || n != 0 {
				t.Errorf("output %s has errors of the class %q, which does not begin at 0: name it in Traits.Classes", p.Name(), class)
			}
		}
		for class := range counted {
			if !written[class] {
				t.Errorf("output %s names the class %q, which nothing in its code has", p.Name(), class)
			}
		}
		if slices.ContainsFunc(place.Classes, func(c string) bool { return slices.Contains(engine.Classes(), c) }) {
			t.Errorf("output %s names a class of the engine: %q", p.Name(), place.Classes)
		}
	}
	if outputs < 5 {
		t.Errorf("only %d outputs were looked at", outputs)
	}
}

// collectClasses adds the constants that name classes, of a package and of those of plugins/internal that it imports.
func collectClasses(t *testing.T, folder string, into, seen map[string]bool) {
	if seen[folder] {
		return
	}
	seen[folder] = true
	files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no Go files: %v", folder, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			path, _ := strconv.Unquote(imported.Path.Value) // it was parsed
			if inner := strings.TrimPrefix(path, module); strings.HasPrefix(inner, outOfPlugin) {
				collectClasses(t, inner, into, seen)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				addConstants(n, into)
			case *ast.FuncDecl:
				if givesClass.MatchString(n.Name.Name) {
					refuseLiterals(t, name, n)
				}
			}
			return true
		})
	}
}

func addConstants(spec *ast.ValueSpec, into map[string]bool) {
	for i, name := range spec.Names {
		if !namedClass.MatchString(name.Name) || i >= len(spec.Values) {
			continue
		}
		if text, ok := spec.Values[i].(*ast.BasicLit); ok && text.Kind == token.STRING {
			class, _ := strconv.Unquote(text.Value)
			into[class] = true
		}
	}
}

// refuseLiterals keeps classes where the test finds them: a function that gives one returns a constant.
func refuseLiterals(t *testing.T, file string, f *ast.FuncDecl) {
	ast.Inspect(f, func(n ast.Node) bool {
		r, ok := n.(*ast.ReturnStmt)
		if !ok {
			return true
		}
		for _, v := range r.Results {
			ast.Inspect(v, func(n ast.Node) bool {
				if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && text.Value != `""` {
					t.Errorf("%s: %s returns %s: a class is a constant whose name begins with class", file, f.Name.Name, text.Value)
				}
				return true
			})
		}
		return true
	})
}
