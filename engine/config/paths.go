package config

import (
	"fmt"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
	"os"
	"path/filepath"
)

// checkFiles finds files that a plugin will want to read, and that are not there.
func (l *loader) checkFiles(p *Pipeline) {
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if !b.knows("tls") {
			continue
		}
		for attr, path := range b.Traits().Files {
			if path == "" {
				continue
			}
			if _, err := os.Stat(path); err != nil {
				l.report(b, Diagnostic{Severity: SeverityWarning, Range: b.at(attr),
					Summary: fmt.Sprintf("%s: the file %s cannot be read: %v", attr, diagnostics.Shorten(path), syntax.Reason(err)),
					Detail:  "Without it no connection is made. It counts from the folder that logpipe is started in, and must be there on the machine that runs the pipeline."})
			}
		}
	}
}

func (l *loader) checkStorage(b *Block, path string) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return // a device or a pipe
	}
	if kind := l.storage(path); kind != "" {
		l.report(b, Diagnostic{Severity: SeverityWarning, Range: b.at("path"),
			Summary: fmt.Sprintf("%s lies on %s", path, kind),
			Detail:  "What is written there counts as stored. Put it on a disk or a volume that stays."})
	}
}

// normal makes paths comparable: absolute, and with the links of the folders that exist followed.
func normal(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	rest := ""
	for dir := abs; ; {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return abs
		}
		rest = filepath.Join(filepath.Base(dir), rest)
		dir = parent
	}
}
