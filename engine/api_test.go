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
	"unicode"
)

var updateAPI = flag.Bool("update", false, "write the golden listing of the exported API anew")

// public are the packages that others may import, by their folders.
var public = []string{".", "flow", "enginetest", "config", "stats", "admin", "alert", "../cmd", "../plugins"}

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
	files := sources(t, dir)
	lines = append(lines, handedOn(t, dir, pkg, files)...)
	for path, file := range files {
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

// rooms are the names of packages below a public one, from which it hands on what stands there.
var rooms = []string{"cli", "decode", "diagnostics", "schema", "syntax", "testfile"}

// fromBelow reports whether an alias or a constant is one of a room: what it is stands there.
func fromBelow(e ast.Expr) bool {
	of, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	room, ok := of.X.(*ast.Ident)
	return ok && slices.Contains(rooms, room.Name)
}

// handedOn lists what a package takes from the rooms below it, as if it stood in the package itself: an author sees no difference.
func handedOn(t *testing.T, dir, pkg string, files map[string]*ast.File) (lines []string) {
	t.Helper()
	taken := map[string]bool{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if fromBelow(n.Type) {
					taken[text(n.Type)] = true
				}
			case *ast.ValueSpec:
				if len(n.Values) == 1 && fromBelow(n.Values[0]) {
					taken[text(n.Values[0])] = true
				}
			}
			_, body := n.(*ast.FuncDecl)
			return !body
		})
	}
	for _, room := range rooms {
		below := filepath.Join(dir, "internal", room)
		if _, err := os.Stat(below); err != nil {
			continue
		}
		for _, line := range exported(t, below) {
			_, line, _ = strings.Cut(line, ": ")
			if !taken[room+"."+subject(line)] {
				continue
			}
			for name := range taken {
				line = strings.ReplaceAll(line, name, name[strings.Index(name, ".")+1:])
			}
			lines = append(lines, pkg+": "+line)
		}
	}
	return lines
}

// subject is the type or the name that a line of the listing is about.
func subject(line string) string {
	kind, rest, _ := strings.Cut(line, " ")
	if method, is := strings.CutPrefix(rest, "("); kind == "func" && is {
		rest = strings.TrimPrefix(method, "*")
	}
	return rest[:strings.IndexFunc(rest+" ", func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })]
}

func addSpec(add func(string, ...any), tok token.Token, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && !fromBelow(s.Type) {
			addType(add, s)
		}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if !name.IsExported() || tok == token.CONST && i < len(s.Values) && fromBelow(s.Values[i]) {
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
