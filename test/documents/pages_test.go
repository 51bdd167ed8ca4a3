// Package documents holds what the documents say against the program as it is: files, tests, make targets, commands, attributes, metrics,
// lines of the log, figures that are constants of the code, and examples. What nothing holds is true on the day on which it is written.
package documents

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/plugins"
)

const root = "../.."

// page is a document. Its name is the path from the root.
type page struct{ name, text string }

// pages are all documents but CHANGELOG.md, which may speak of what is no more.
func pages(t *testing.T) []page {
	t.Helper()
	names, err := filepath.Glob(root + "/docs/*.md")
	if err != nil || len(names) < 5 {
		t.Fatalf("documents %v: %v", names, err)
	}
	var all []page
	for _, name := range append(names, root+"/README.md", root+"/DESIGN.md", root+"/CONTRIBUTING.md", root+"/k8s/README.md", root+"/examples/custom-plugin/README.md") {
		all = append(all, page{strings.TrimPrefix(filepath.ToSlash(name), root+"/"), read(t, name)})
	}
	return all
}

// one is a document by its name.
func one(t *testing.T, name string) page {
	t.Helper()
	return page{name, read(t, filepath.Join(root, name))}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	fenced = regexp.MustCompile("(?ms)^```(\\w*)[^\n]*\n(.*?)^```$")
	span   = regexp.MustCompile("`([^`\n]+)`")
)

// spans are what stands between backticks in a text, outside of blocks.
func spans(text string) (all []string) {
	for _, m := range span.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.ReplaceAll(m[1], `\|`, "|")) // as in a cell of a table
	}
	return all
}

// blocks are the fenced blocks of a language.
func (p page) blocks(language string) (all []string) {
	for _, m := range fenced.FindAllStringSubmatch(p.text, -1) {
		if m[1] == language {
			all = append(all, m[2])
		}
	}
	return all
}

// code is all that a reader may type: spans, lines of fenced blocks, and lines that are indented by four blanks.
func (p page) code() (all []string) {
	all = spans(p.text)
	for _, m := range fenced.FindAllStringSubmatch(p.text, -1) {
		all = append(all, strings.Split(m[2], "\n")...)
	}
	for line := range strings.Lines(fenced.ReplaceAllString(p.text, "")) {
		if text, indented := strings.CutPrefix(line, "    "); indented {
			all = append(all, strings.TrimRight(text, "\n"))
		}
	}
	return all
}

// rows are the cells of the tables below a heading, up to the next one.
func (p page) rows(t *testing.T, heading string) (all [][]string) {
	t.Helper()
	_, text, found := strings.Cut(p.text, heading+"\n")
	if !found {
		t.Fatalf("%s has no %q", p.name, heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	text, _, _ = strings.Cut(text, "\n"+level+" ")
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "| \n"), `\|`, "\x00"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", `|`))
		}
		all = append(all, cells)
	}
	if len(all) < 2 {
		t.Fatalf("%s has no table below %q", p.name, heading)
	}
	return all[1:]
}

// logpipe runs the program with all plugins, in the folder dir.
func logpipe(t *testing.T, env map[string]string, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = cmd.Run(t.Context(), args, cmd.Streams{In: strings.NewReader(in), Out: &stdout, Err: &stderr, LookupEnv: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}}, plugins.All...)
	return code, stdout.String(), stderr.String()
}
