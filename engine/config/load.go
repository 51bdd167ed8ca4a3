package config

import (
	"fmt"
	"reflect"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// Load reads configurations from files, and from the *.hcl files of folders without tests and without those in folders below, in the
// order of their names. "-" is Options.Stdin. Config is nil when there are errors. Nothing is opened or connected to but the files that file() names.
func Load(paths []string, o Options) (*Config, *Diagnostics) {
	l := newLoader(o)
	if len(paths) == 0 {
		l.Diags.Add(Diagnostic{Summary: "no configuration is named", Detail: "Name a file, or a folder with *.hcl files."})
	}
	for _, p := range paths {
		l.Path(p)
	}
	return l.load()
}

// LoadSource reads a configuration from src. The name is what diagnostics call it; file() looks in its folder.
func LoadSource(name string, src []byte, o Options) (*Config, *Diagnostics) {
	l := newLoader(o)
	l.AddFile(name, src)
	return l.load()
}

// CheckPlugins panics when two plugins of one kind have the same name, or when a configuration struct has tags or types that no file
// can be decoded into. Both are mistakes of whoever builds the binary, to be seen at its first start. Load calls it.
func CheckPlugins(plugins []engine.Plugin) {
	seen := map[engine.Kind]map[string]string{}
	for _, p := range plugins {
		if seen[p.Kind()][p.Name()] != "" {
			panic(fmt.Sprintf("there are two plugins %s %q, from %s and from %s", p.Kind(), p.Name(), seen[p.Kind()][p.Name()], p.Package()))
		}
		if seen[p.Kind()] == nil {
			seen[p.Kind()] = map[string]string{}
		}
		seen[p.Kind()][p.Name()] = p.Package()
		if err := schema.CheckSchema(p); err != nil {
			panic(fmt.Sprintf("plugin %s %q: %v", p.Kind(), p.Name(), err))
		}
	}
}

// loader makes pipelines of files.
type loader struct {
	Options
	*eval.World
}

func newLoader(o Options) *loader {
	o = o.withDefaults()
	return &loader{o, newWorldOf(o)}
}

func newWorldOf(o Options) *eval.World {
	CheckPlugins(o.Plugins)
	r := &syntax.Reader{Plugins: o.Plugins, Stdin: o.Stdin, Contents: o.Contents, Words: syntax.NewSecretWords(o.Plugins, reflect.TypeFor[Alert]())}
	return eval.NewWorld(r, o.LookupEnv, o.NoEnv)
}

func (l *loader) load() (*Config, *Diagnostics) {
	c := l.pipelines()
	l.Diags.Sort()
	if l.Diags.HasErrors() {
		return nil, l.Diags.Found()
	}
	return c, l.Diags.Found()
}
