package eval

import (
	"errors"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// environment is what a configuration reads from outside: variables and files, each once. What is read a second time, and what a
// template reads when it is rendered, is what was there at load.
type environment struct {
	lookup func(string) (string, bool)
	vars   map[string]variable
	Files  map[string]fileText

	Missing map[string]bool // variables that are not set and have no default
	Closed  bool            // nothing is read: what tests say must not depend on where they run
}

type variable struct {
	text string
	set  bool
}

type fileText struct {
	text string
	err  error
}

func newEnvironment(lookup func(string) (string, bool)) *environment {
	return &environment{lookup: lookup, vars: map[string]variable{}, Files: map[string]fileText{}, Missing: map[string]bool{}}
}

// get returns a variable; one that is empty counts as not set. With known it is one that was read before.
func (e *environment) get(name string, known bool) variable {
	v, ok := e.vars[name]
	if !ok && !known {
		v.text, v.set = e.lookup(name)
		if !v.set {
			v.text = ""
		}
		v.text = strings.ToValidUTF8(v.text, "\ufffd")
		e.vars[name] = v
	}
	return v
}

// read returns the text of a file. With known it is one that was read before.
func (e *environment) read(path string, known bool) (string, error) {
	f, ok := e.Files[path]
	if !ok && !known {
		f.text, f.err = readText(path)
		e.Files[path] = f
	}
	return f.text, f.err
}

func readText(path string) (string, error) {
	info, err := os.Stat(path) // before it is opened: opening a pipe would wait for its writer
	switch {
	case err != nil:
		return "", syntax.Reason(err)
	case !info.Mode().IsRegular():
		return "", errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", syntax.Reason(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, syntax.MaxFile+1))
	switch {
	case err != nil:
		return "", syntax.Reason(err)
	case len(text) > syntax.MaxFile:
		return "", errors.New("it is larger than 1 MiB")
	case !utf8.Valid(text):
		return "", errors.New("it is no text in UTF-8")
	}
	return string(text), nil
}

// absence says how a variable without text is not there.
func (v variable) absence() string {
	if v.set {
		return "empty, which counts as not set"
	}
	return "not set"
}
