package engine_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateAPI = flag.Bool("update", false, "write the golden listing of the exported API anew")

// public are the packages that others may import, by their folders.
var public = []string{".", "enginetest", "config", "stats", "admin", "alert", "../cmd", "../plugins"}

// What is exported is what plugins of others are compiled with. A change of it must be meant, and be told to them.
func TestExportedAPI(t *testing.T) {
	var got []string
	for _, dir := range public {
		got = append(got, exported(t, dir)...)
	}
	golden := filepath.Join("testdata", "api.txt")
	if *updateAPI {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(text)), "\n")
	var changes []string
	for _, line := range want {
		if !slices.Contains(got, line) {
			changes = append(changes, "- "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			changes = append(changes, "+ "+line)
		}
	}
	if len(changes) > 0 {
		t.Errorf("the exported API is another one:\n%s\n"+
			"If that is meant: say in CHANGELOG.md what it means for plugins of others (a line with - breaks them),\n"+
			"and write the listing anew: go test ./engine -run TestExportedAPI -update", strings.Join(changes, "\n"))
	}
}

// A plugin's author has the documentation alone: who calls a method, and how often, cannot be guessed from its name.
func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, dir := range public {
		for _, file := range sources(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				for _, name := range undocumented(n) {
					t.Errorf("%s: %s has no documentation", dir, name)
				}
				_, body := n.(*ast.BlockStmt)
				return !body
			})
		}
	}
}

// undocumented names what is exported by a declaration or a field of it and has no comment.
func undocumented(n ast.Node) (names []string) {
	switch n := n.(type) {
	case *ast.FuncDecl:
		of := strings.Trim(receiver(n), "(*).")
		if n.Doc == nil && n.Name.IsExported() && (of == "" || ast.IsExported(of)) && !wellKnown(n) {
			return []string{receiver(n) + n.Name.Name}
		}
	case *ast.GenDecl:
		for _, spec := range n.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if n.Doc == nil && s.Doc == nil && s.Name.IsExported() {
					names = append(names, s.Name.Name)
				}
				if s.Name.IsExported() {
					names = append(names, undocumentedFields(s)...)
				}
			case *ast.ValueSpec:
				if n.Doc == nil && s.Doc == nil && s.Comment == nil && s.Names[0].IsExported() {
					names = append(names, s.Names[0].Name)
				}
			}
		}
	}
	return names
}

// undocumentedFields are the fields and methods of a type without a comment. One comment may stand over several that are alike, with no empty line between.
func undocumentedFields(s *ast.TypeSpec) (names []string) {
	var list *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		if len(f.Names) > 0 && f.Names[0].IsExported() && f.Doc == nil && f.Comment == nil && f.Tag == nil {
			names = append(names, s.Name.Name+"."+f.Names[0].Name)
		}
	}
	return names
}

// wellKnown are the methods whose contract is that of the interface that everybody knows.
func wellKnown(f *ast.FuncDecl) bool {
	return f.Recv != nil && (f.Name.Name == "Error" || f.Name.Name == "Unwrap")
}

// sources are the files of a package, without tests.
func sources(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	paths, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = file
	}
	return files
}

// exported lists what a package exports, a line for each name, sorted.
func exported(t *testing.T, dir string) (lines []string) {
	t.Helper()
	pkg := "engine"
	if dir != "." {
		pkg = strings.TrimPrefix(filepath.ToSlash(filepath.Join("engine", dir)), "engine/../")
	}
	add := func(format string, args ...any) {
		lines = append(lines, pkg+": "+fmt.Sprintf(format, args...))
	}
	for path, file := range sources(t, dir) {
		if filepath.Base(path) == "race.go" {
			continue // norace.go says the same
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if of := strings.Trim(receiver(d), "(*)."); d.Name.IsExported() && (of == "" || ast.IsExported(of)) {
					add("func %s%s%s", receiver(d), d.Name.Name, strings.TrimPrefix(text(d.Type), "func"))
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					addSpec(add, d.Tok, spec)
				}
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func addSpec(add func(string, ...any), tok token.Token, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			addType(add, s)
		}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if !name.IsExported() {
				continue
			}
			line := tok.String() + " " + name.Name
			if s.Type != nil {
				line += " " + text(s.Type)
			}
			if tok == token.CONST && i < len(s.Values) {
				line += " = " + text(s.Values[i])
			}
			add("%s", line)
		}
	}
}

// addType lists a type with a line for each exported field or method, so that a change shows what it is about.
func addType(add func(string, ...any), s *ast.TypeSpec) {
	fields := func(kind string, list *ast.FieldList) {
		add("type %s %s", s.Name.Name, kind)
		for _, f := range list.List {
			if len(f.Names) == 0 {
				add("type %s %s, %s", s.Name.Name, kind, text(f.Type))
			}
			for _, name := range f.Names {
				if name.IsExported() {
					add("type %s %s, %s %s", s.Name.Name, kind, name.Name, strings.TrimPrefix(text(f.Type), "func"))
				}
			}
		}
	}
	switch t := s.Type.(type) {
	case *ast.StructType:
		fields("struct", t.Fields)
	case *ast.InterfaceType:
		fields("interface", t.Methods)
	default:
		add("type %s %s", s.Name.Name, text(s.Type))
	}
}

// receiver is the receiver of a method, as in "(*Batch) ".
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	return "(" + text(f.Recv.List[0].Type) + ")."
}

// text is a piece of source on one line.
func text(n ast.Node) string {
	var b bytes.Buffer
	_ = printer.Fprint(&b, token.NewFileSet(), n) // into memory
	return strings.Join(strings.Fields(b.String()), " ")
}
