package build

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// mainModule is what the module of the binary is called. It has no dot, so that nobody can have one of that name.
const mainModule = "logpipe-with-plugins"

// goMod asks for logpipe and for what is in folders; "go get" adds the rest.
func goMod(e Engine, packages []pkg) string {
	var s strings.Builder
	// Of a module before Go 1.17 the toolchain reads the whole graph. It raises the number to what logpipe needs.
	fmt.Fprintf(&s, "module %s\n\ngo 1.21\n\nrequire %s %s\n", mainModule, modulePath, e.version())
	if e.Folder != "" {
		fmt.Fprintf(&s, "replace %s => %s\n", modulePath, strconv.Quote(e.Folder))
	}
	seen := map[string]bool{}
	for _, p := range packages {
		if p.folder == "" || seen[p.module] {
			continue
		}
		seen[p.module] = true
		fmt.Fprintf(&s, "require %s v0.0.0\nreplace %[1]s => %s\n", p.module, strconv.Quote(p.folder))
	}
	return s.String()
}

// inspect finds out what a package states.
func (b *builder) inspect(ctx context.Context, p *pkg) error {
	out, err := b.tool.run(ctx, "list", "-e", "-find", "-json=Dir,Name,GoFiles,Error", p.path)
	if err != nil {
		return inWords(err, p.String())
	}
	var found struct {
		Dir, Name string
		GoFiles   []string
		Error     *struct{ Err string }
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		return err
	}
	switch {
	case found.Error != nil:
		return inWords(&toolError{text: found.Error.Err}, p.String())
	case found.Name == "main":
		return fmt.Errorf("%s is a program, which cannot be imported: name the package that states its plugins", p.path)
	}
	for _, name := range found.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(found.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		for _, d := range file.Decls {
			p.note(d)
		}
	}
	if !p.single && !p.list {
		return fmt.Errorf("%s states no plugin: a package with plugins has a variable, as in\n\n"+
			"\tvar Plugin = engine.NewTransform(…)\n\tvar Plugins = []engine.Plugin{…}", p.path)
	}
	return nil
}

// note looks for the variables Plugin and Plugins.
func (p *pkg) note(d ast.Decl) {
	g, ok := d.(*ast.GenDecl)
	if !ok || g.Tok != token.VAR {
		return
	}
	for _, spec := range g.Specs {
		for _, name := range spec.(*ast.ValueSpec).Names {
			p.single = p.single || name.Name == "Plugin"
			p.list = p.list || name.Name == "Plugins"
		}
	}
}

// mainSource is the program. Of a package that states both variables the list counts: it has the single one, too.
func mainSource(packages []pkg) string {
	var imports, lists strings.Builder
	for i, p := range packages {
		fmt.Fprintf(&imports, "\tp%d %q\n", i, p.path)
		if p.list {
			fmt.Fprintf(&lists, ", p%d.Plugins", i)
		} else {
			fmt.Fprintf(&lists, ", []engine.Plugin{p%d.Plugin}", i)
		}
	}
	return fmt.Sprintf(`package main

import (
	"slices"

	"%[1]s/cmd"
	"%[1]s/engine"
	"%[1]s/plugins"

%[2]s)

var _ engine.Plugin

func main() { cmd.Main(slices.Concat(plugins.All%[3]s)...) }
`, modulePath, &imports, &lists)
}
