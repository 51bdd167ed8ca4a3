// Package syntax makes blocks of text, in spite of syntax errors: read.go reads files and folders, screen.go refuses what would break
// the parser, parse.go parses, syntax.go has the words for its errors, slips.go those that other tools bring along, place.go where
// in a file something is, and hide.go what of it nobody may read.
package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// reader reads files, and carries from step to step what is found.
type Reader struct {
	Diags    diagnostics.Collector
	Files    []*File
	Plugins  []engine.Plugin
	Words    secretWords
	Stdin    io.Reader              // what "-" stands for; nil makes it a file's name
	Contents map[string][]byte      // of paths that are not to be opened
	Called   func(name string) bool // whether there is such a function

	infos []os.FileInfo // of the files read so far: none is read twice
}

// PluginNames are the plugins of a kind, sorted.
func (l *Reader) PluginNames(kind engine.Kind) []string {
	var names []string
	for _, p := range l.Plugins {
		if p.Kind() == kind {
			names = append(names, p.Name())
		}
	}
	slices.Sort(names)
	return names
}

// MaxFile is the size in bytes up to which a configuration is read. It is far above what people write by hand, and keeps a log that was named
// by mistake from being read to its end.
const MaxFile = 1 << 20

// stdin is the name that stands for Options.Stdin, and stdinName what diagnostics call it.
const (
	stdin     = "-"
	stdinName = "<stdin>"
)

// file is one file and what the parser made of it.
type File struct {
	Name   string
	Src    []byte
	Body   *hclsyntax.Body     // nil when it was not worth parsing
	Broken []diagnostics.Range // where its syntax is wrong
	// What is found behind doubtful may follow from a brace that is missing before it.
	doubtful int
}

// Path reads a file or a folder.
func (l *Reader) Path(path string) {
	if src, ok := l.Contents[path]; ok {
		l.given(path, src)
		return
	}
	if path == stdin && l.Stdin != nil {
		l.readAll(stdinName, l.Stdin)
		l.Stdin = strings.NewReader("") // named twice, it is empty
		return
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		l.unreadable(path, err)
	case info.IsDir():
		l.folder(path)
	default:
		l.read(path, info)
	}
}

// given takes in what somebody has read already, once.
func (l *Reader) given(path string, src []byte) {
	name := path
	if path == stdin {
		name = stdinName
	}
	if !slices.ContainsFunc(l.Files, func(f *File) bool { return f.Name == name }) {
		l.AddFile(name, src)
	}
}

func (l *Reader) folder(dir string) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		l.unreadable(dir, err)
		return
	}
	found := false
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if filepath.Ext(name) != ".hcl" || strings.HasPrefix(e.Name(), ".") || IsTestFile(name) {
			continue
		}
		info, err := os.Stat(name)
		switch {
		case err != nil:
			l.unreadable(name, err)
		case info.Mode().IsRegular():
			l.read(name, info)
		default:
			continue
		}
		found = true
	}
	if !found {
		l.Diags.Add(diagnostics.Diagnostic{
			Summary: fmt.Sprintf("the folder %s has no *.hcl file", dir),
			Detail:  "Files in folders below are not read. Name a folder that has such files, or the file itself.",
		})
	}
}

func (l *Reader) unreadable(path string, err error) {
	g := diagnostics.Diagnostic{Summary: fmt.Sprintf("%s cannot be read: %v", path, Reason(err))}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		g.Detail = "Check the name; it counts from the folder that logpipe was started in."
		if near := diagnostics.Suggest(filepath.Base(path), namesIn(filepath.Dir(path))); near != "" {
			g.Detail = fmt.Sprintf("Did you mean %s?", filepath.Join(filepath.Dir(path), near))
		}
	case errors.Is(err, fs.ErrPermission):
		g.Detail = "Allow the user that runs logpipe to read it."
	}
	l.Diags.Add(g)
}

// Reason is an error of a file without the operation and the path, which its reader knows.
func Reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func namesIn(dir string) []string {
	entries, _ := os.ReadDir(dir) // for a suggestion only
	var names []string
	for _, e := range entries {
		if e.IsDir() || filepath.Ext(e.Name()) == ".hcl" {
			names = append(names, e.Name())
		}
	}
	return names
}

func (l *Reader) read(name string, info os.FileInfo) {
	for _, other := range l.infos {
		if os.SameFile(other, info) {
			return // named twice, or as itself and by its folder
		}
	}
	l.infos = append(l.infos, info)
	f, err := os.Open(name)
	if err != nil {
		l.unreadable(name, err)
		return
	}
	defer f.Close()
	l.readAll(name, f)
}

func (l *Reader) readAll(name string, r io.Reader) {
	src, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		l.unreadable(name, err)
		return
	}
	l.AddFile(name, src)
}

// AddFile takes a text in, if it may be a configuration at all.
func (l *Reader) AddFile(name string, src []byte) {
	f := &File{Name: name, Src: src, doubtful: len(src) + 1}
	l.Files = append(l.Files, f)
	if g, ok := notText(name, src); ok {
		l.Diags.AddSource(name, nil) // no excerpt: it would be noise
		l.Diags.Add(g)
		return
	}
	l.Diags.AddSource(name, src)
	l.parse(f)
}

func notText(name string, src []byte) (diagnostics.Diagnostic, bool) {
	at := &diagnostics.Range{Filename: name, Start: diagnostics.Pos{Line: 1, Column: 1, Byte: 0}, End: diagnostics.Pos{Line: 1, Column: 1, Byte: 0}}
	bad := 0
	for bad < len(src) && src[bad] != 0 {
		_, n := utf8.DecodeRune(src[bad:])
		if n == 1 && src[bad] >= utf8.RuneSelf {
			break
		}
		bad += n
	}
	switch {
	case len(src) > MaxFile:
		return diagnostics.Diagnostic{Range: at,
			Summary: "the file is larger than 1 MiB, which no configuration is",
			Detail:  "Check that it is the file you meant. Many pipelines can be spread over several files of a folder.",
		}, true
	case bytes.HasPrefix(src, []byte{0xff, 0xfe}), bytes.HasPrefix(src, []byte{0xfe, 0xff}):
		return diagnostics.Diagnostic{Range: at,
			Summary: "the file is in UTF-16",
			Detail:  "Save it as UTF-8.",
		}, true
	case bad < len(src):
		line := 1 + bytes.Count(src[:bad], []byte{'\n'})
		column := 1 + utf8.RuneCount(src[bytes.LastIndexByte(src[:bad], '\n')+1:bad])
		at.Start = diagnostics.Pos{Line: line, Column: column, Byte: bad}
		at.End = diagnostics.Pos{Line: line, Column: column + 1, Byte: bad + 1}
		return diagnostics.Diagnostic{Range: at,
			Summary: fmt.Sprintf("the file is no text in UTF-8: here is a byte 0x%02x", src[bad]),
			Detail:  "Check that it is the file you meant, and save it as UTF-8.",
		}, true
	}
	return diagnostics.Diagnostic{}, false
}

// DropDoubtful takes out what may follow from a syntax error: that something is missing, which may be in the part that could not be
// read, and all behind a block that is not closed.
func (l *Reader) DropDoubtful() {
	l.Diags.Drop(func(at *diagnostics.Range, missing bool) bool {
		return slices.ContainsFunc(l.Files, func(f *File) bool {
			return f.Name == at.Filename && (missing && len(f.Broken) > 0 || at.Start.Byte >= f.doubtful)
		})
	})
}

// IsTestFile reports whether a file is one of tests, by its name. Folders are read without those.
func IsTestFile(name string) bool { return strings.HasSuffix(name, testEnding) }

// testEnding is what names of files with tests end in.
const testEnding = "_test.hcl"

// TestFileOf is the name of the file with the tests of a configuration file.
func TestFileOf(name string) string { return strings.TrimSuffix(name, ".hcl") + testEnding }

// Inventory says which plugins of a kind there are.
func (l *Reader) Inventory(kind engine.Kind) string {
	names := l.PluginNames(kind)
	if len(names) == 0 {
		return fmt.Sprintf("This binary has no %ss.", kind)
	}
	word := string(kind) + "s"
	if len(names) == 1 {
		word = string(kind)
	}
	return fmt.Sprintf("This binary has the %s %s.", word, diagnostics.Quoted(names, "and"))
}
