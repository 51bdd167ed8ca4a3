package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
	"github.com/logpipe/logpipe/plugins"
)

// The files that people start from can be used as they are, with the plugins that come with logpipe.
func TestShippedFiles(t *testing.T) {
	files, _ := filepath.Glob("../../examples/*.hcl")
	files = append(slices.DeleteFunc(files, syntax.IsTestFile), "../../pipeline.hcl", "testdata/valid/shipped.hcl")
	o := config.Options{Plugins: plugins.All, NoEnv: true, LookupEnv: func(string) (string, bool) { return "", false }}
	for _, file := range files {
		c, found := config.Load([]string{file}, o)
		if c == nil {
			t.Errorf("%s:\n%s", file, text(found))
		}
	}
	o.NoEnv = false
	o.LookupEnv = func(name string) (string, bool) { return "logs", name == "S3_BUCKET" }
	c, found := config.Load([]string{"../../pipeline.hcl"}, o)
	if c == nil {
		t.Fatal(text(found))
	}
	if _, err := c.Pipelines[0].Build(config.BuildEnv{}); err != nil {
		t.Error(err)
	}
}

// All mistakes of a file are found in one run, also by the plugins that come with logpipe.
func TestTwelveMistakes(t *testing.T) {
	src, err := os.ReadFile("testdata/invalid/twelve.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]config.Options{"test's": options(src), "real": {Plugins: plugins.All, LookupEnv: environmentOf(src)}} {
		if _, found := config.LoadSource("twelve.hcl", src, o); found.Errors() != 12 || found.Warnings() != 0 {
			t.Errorf("with the %s plugins there are %d errors and %d warnings:\n%s", name, found.Errors(), found.Warnings(), text(found))
		}
	}
}
