package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

// writer is a block that writes files: one, or those of a pattern.
type writer struct {
	*Block
	paths   []string // the file; of a fallback also those that it takes for its own
	pattern *engine.PathPattern
}

// checkPaths finds two outputs that write one file, in all pipelines, and files on storage that does not last.
func (l *loader) checkPaths(c *Config) {
	first := map[string]*Block{}
	var writers []writer
	for _, p := range c.Pipelines {
		for i := range p.Blocks {
			w, ok := writerOf(&p.Blocks[i])
			if !ok {
				continue
			}
			l.checkMeeting(w, writers)
			if taken := slices.IndexFunc(w.paths, func(path string) bool { return first[path] != nil }); taken >= 0 {
				l.meet(w, first[w.paths[taken]])
				continue
			}
			for _, path := range w.paths {
				first[path] = w.Block
			}
			writers = append(writers, w)
			l.checkStorage(w.Block, w.place())
		}
	}
}

// checkMeeting finds the first of the writers that may write the same file as w, if one of the two writes files of a pattern.
func (l *loader) checkMeeting(w writer, writers []writer) {
	for _, other := range writers {
		if (w.pattern != nil || other.pattern != nil) && w.meets(other) {
			l.mayMeet(w, other)
			return
		}
	}
}

// writerOf is the block as a writer of files, if it is known to be one.
func writerOf(b *Block) (writer, bool) {
	if !b.knows("path", "compression") || schema.KindOf(b.Role) != engine.KindOutput {
		return writer{}, false
	}
	w, t := writer{Block: b}, b.Traits()
	if t.Path != "" {
		w.paths = append(w.paths, normal(t.Path))
	}
	if b.Role == engine.RoleFallback {
		for _, path := range t.Reclaims {
			w.paths = append(w.paths, normal(path))
		}
	}
	if t.Paths != nil {
		pattern := *t.Paths
		dir, name := pattern.Prefix[:strings.LastIndexByte(pattern.Prefix, '/')+1], filepath.Base("/"+pattern.Prefix)
		if strings.HasSuffix(pattern.Prefix, "/") || pattern.Prefix == "" {
			name = ""
		}
		pattern.Prefix = strings.TrimSuffix(normal(dir), "/") + "/" + name
		w.pattern = &pattern
	}
	return w, len(w.paths) > 0 || w.pattern != nil
}

// place is the file, or the folder that all of the files are in.
func (w writer) place() string {
	if w.pattern != nil {
		return filepath.Dir(w.pattern.Prefix + "x")
	}
	return w.paths[0]
}

// meets reports whether two writers, at least one of which writes files of a pattern, may write one file.
func (w writer) meets(other writer) bool {
	switch {
	case w.pattern == nil:
		return other.meets(w)
	case other.pattern == nil:
		return slices.ContainsFunc(other.paths, func(path string) bool { return matches(*w.pattern, path) })
	}
	a, b := *w.pattern, *other.pattern
	return (strings.HasPrefix(a.Prefix, b.Prefix) || strings.HasPrefix(b.Prefix, a.Prefix)) &&
		(strings.HasSuffix(a.Suffix, b.Suffix) || strings.HasSuffix(b.Suffix, a.Suffix)) &&
		depth(a) == depth(b)
}

func matches(p engine.PathPattern, path string) bool {
	return len(path) > len(p.Prefix)+len(p.Suffix) && strings.HasPrefix(path, p.Prefix) && strings.HasSuffix(path, p.Suffix) &&
		strings.Count(path, "/") == depth(p)
}

// depth is how many folders down the files of a pattern are: no value of a batch has a slash.
func depth(p engine.PathPattern) int {
	return strings.Count(p.Prefix, "/") + p.Folders + strings.Count(p.Suffix, "/")
}

func (l *loader) meet(w writer, other *Block) {
	l.report(w.Block, Diagnostic{Range: w.at("path"),
		Summary: fmt.Sprintf("%s writes to %s, and so does %s", w.decoded.What, w.paths[0], other.decoded.What),
		Detail:  "Two writers would mix their lines and take each other's files away. Give each a path of its own" + w.reclaimed(other) + ".",
		Related: []Related{{Text: "the other one is on", Range: *other.at("path")}}})
}

// reclaimed explains why paths that are not the same are too close.
func (w writer) reclaimed(other *Block) string {
	if normal(other.Traits().Path) != w.paths[0] && (w.Role == engine.RoleFallback || other.Role == engine.RoleFallback) {
		return "; a fallback takes back what is in its file, also under the endings of other compressions"
	}
	return ""
}

func (l *loader) mayMeet(w, other writer) {
	summary := fmt.Sprintf("%s may write to the same file as %s", w.decoded.What, other.decoded.What)
	if w.pattern == nil {
		summary = fmt.Sprintf("%s writes to %s, where %s may write too", w.decoded.What, w.paths[0], other.decoded.What)
	}
	l.report(w.Block, Diagnostic{Severity: SeverityWarning, Range: w.at("path"), Summary: summary,
		Detail:  "For some batch both paths may be the same, and two writers would mix their lines and take each other's files away. Give each a folder of its own.",
		Related: []Related{{Text: "the other one is on", Range: *other.at("path")}}})
}
