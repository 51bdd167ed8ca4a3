package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

var update = flag.Bool("update", false, "write the expected results anew")

// A golden file's first lines may set variables: # env: NAME=VALUE
func environmentOf(src []byte) func(string) (string, bool) {
	vars := map[string]string{}
	for line := range strings.Lines(string(src)) {
		if rest, ok := strings.CutPrefix(line, "# env: "); ok {
			name, value, _ := strings.Cut(strings.TrimSpace(rest), "=")
			vars[name] = value
		}
	}
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func options(src []byte) config.Options {
	o := config.Options{Plugins: testPlugins(), LookupEnv: environmentOf(src), Version: "1.2.3"}
	config.SetStorage(&o, func(path string) string {
		if strings.HasPrefix(path, "/memory/") {
			return "tmpfs, which is memory: it is empty after a restart of the machine"
		}
		return ""
	})
	return o
}

// What is wrong with a file is told exactly as it stands beside it.
func TestInvalid(t *testing.T) {
	files, _ := filepath.Glob("testdata/invalid/*.hcl")
	if len(files) < 40 && !*update {
		t.Fatalf("only %d files", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src := read(t, file)
			o := options(src)
			o.NoEnv = bytes.Contains(src, []byte("# no-env"))
			_, found := config.LoadSource(filepath.Base(file), src, o)
			if len(found.All()) == 0 {
				t.Error("nothing is wrong with it")
			}
			var text bytes.Buffer
			found.WriteText(&text, false, 100)
			golden(t, strings.TrimSuffix(file, ".hcl")+".txt", text.Bytes())
		})
	}
}

// What a file says is decoded exactly as it stands beside it, and can be built.
func TestValid(t *testing.T) {
	files, _ := filepath.Glob("testdata/valid/*.hcl")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src := read(t, file)
			c, found := config.LoadSource(file, src, options(src))
			for _, d := range found.All() {
				t.Errorf("%s: %s", d.Range, d.Summary)
			}
			if c == nil {
				return
			}
			text, err := json.MarshalIndent(plain(reflect.ValueOf(c.Pipelines)), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".hcl")+".json", append(text, '\n'))
			for _, p := range c.Pipelines {
				if _, err := p.Build(config.BuildEnv{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// plain turns a decoded configuration into what JSON can show, by the names that stand in the file.
func plain(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.String()
	case engine.Bytes:
		return x.String()
	case engine.Secret, engine.Template, engine.Condition:
		return x
	case diagnostics.Range:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Slice:
		list := []any{}
		for i := range v.Len() {
			list = append(list, plain(v.Index(i)))
		}
		return list
	case reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("hcl"), ",")
			if name == "" {
				name = f.Name
			}
			if f.IsExported() && !v.Field(i).IsZero() {
				fields[name] = plain(v.Field(i))
			}
		}
		return fields
	}
	return v.Interface()
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, file)), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
