package config_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

// No file, however broken, ends the process or keeps it for ever, and of each something can be said.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/invalid/*.hcl", "testdata/valid/*.hcl"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, noEnv := range []bool{false, true} {
			o := options(src)
			o.NoEnv = noEnv
			c, found := config.LoadSource("a.hcl", src, o)
			if (c == nil) != found.HasErrors() {
				t.Fatalf("config %v, %d errors", c, found.Errors())
			}
			var out bytes.Buffer
			found.WriteText(&out, true, 60)
			if _, err := json.Marshal(found); err != nil {
				t.Fatal(err)
			}
			if c != nil {
				c.Graph()
				buildAll(t, c)
			}
		}
		o := options(src)
		o.Plugins = plugins.All
		config.LoadSource("a.hcl", src, o)
		if formatted, found := config.Format("a.hcl", src); !found.HasErrors() {
			again, _ := config.Format("a.hcl", formatted)
			if !bytes.Equal(again, formatted) {
				t.Logf("not stable: %q, %q", formatted, again)
			}
		}
	})
}

func buildAll(t *testing.T, c *config.Config) {
	b := &engine.Batch{ID: "01J", Partition: "source=a%2Fb"}
	for _, p := range c.Pipelines {
		if _, err := p.Build(config.BuildEnv{}); err != nil {
			continue
		}
		for _, block := range p.Blocks {
			switch cfg := block.Config.(type) {
			case *s3Output:
				_, _ = cfg.Key.Render(b)
			case *fileOutput:
				_, _ = cfg.Path.Render(b)
			}
		}
	}
}
