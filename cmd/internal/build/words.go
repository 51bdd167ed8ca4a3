package build

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// meaning is what a text of the go command means.
type meaning struct {
	pattern *regexp.Regexp
	say     func(what string, found []string) string
}

// The texts are those of Go 1.21 to 1.26. One that is not here is shown as it is.
var meanings = []meaning{
	{regexp.MustCompile(`requires go >= ?([0-9.a-z]+) \(running go ([0-9.a-z]+)`), func(what string, found []string) string {
		return fmt.Sprintf("%s needs Go %s, and this machine has Go %s: install a newer Go from https://go.dev/dl/, or unset GOTOOLCHAIN so that it is fetched", what, found[1], found[2])
	}},
	{regexp.MustCompile(`module lookup disabled by GOPROXY=off`), func(what string, _ []string) string {
		return fmt.Sprintf("%s is not on this machine, and GOPROXY=off forbids to fetch it", what)
	}},
	{regexp.MustCompile(`dial tcp[^\n]*|no such host|network is unreachable|TLS handshake timeout|i/o timeout`), func(what string, found []string) string {
		return fmt.Sprintf("%s cannot be fetched, because the network does not answer (%s): go online, set GOPROXY to a proxy that can be reached, or name a folder", what, strings.TrimSpace(found[0]))
	}},
	{regexp.MustCompile(`does not contain package ([^\s]+)`), func(what string, found []string) string {
		return fmt.Sprintf("the module of %s has no package %s: check the path", what, found[1])
	}},
	{regexp.MustCompile(`(?:unknown revision|no matching versions for query|invalid version|version "[^"]*" invalid) ?"?([^\s":]*)`), func(what string, _ []string) string {
		return fmt.Sprintf("%s: there is no such version: check it, or leave it out to get the latest", what)
	}},
	{regexp.MustCompile(`400 Bad Request|404 Not Found|410 Gone|no such file or directory|unrecognized import path|[Rr]epository not found|cannot find module|no required module provides package|could not read Username`), func(what string, _ []string) string {
		return fmt.Sprintf("%s is not found: check the path and the version; for a private module set GOPRIVATE", what)
	}},
	{regexp.MustCompile(`no Go files in ([^\s]+)|build constraints exclude all Go files`), func(what string, _ []string) string {
		return fmt.Sprintf("there is no Go file in the package %s: check the path", what)
	}},
}

// inWords says what a failure of the go command means; what it said follows, for those who know Go.
func inWords(err error, what string) error {
	var failed *toolError
	if !errors.As(err, &failed) {
		return err
	}
	for _, m := range meanings {
		if found := m.pattern.FindStringSubmatch(failed.text); found != nil {
			return errors.New(m.say(what, found) + said(failed.text))
		}
	}
	return fmt.Errorf("the Go toolchain cannot take %s%s", what, said(failed.text))
}

// compileError is a package that does not fit this logpipe, for the most part.
func compileError(err error, e Engine) error {
	var failed *toolError
	if !errors.As(err, &failed) {
		return err
	}
	var packages []string
	for line := range strings.Lines(failed.text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "# "); ok {
			packages = append(packages, name)
		}
	}
	if packages == nil {
		return inWords(err, "what is needed")
	}
	who := strings.Join(packages, ", ")
	if who == mainModule {
		return fmt.Errorf("a variable Plugin or Plugins is none: Plugin is an engine.Plugin, Plugins a []engine.Plugin%s", said(failed.text))
	}
	return fmt.Errorf("%s does not compile with logpipe %s: it was perhaps written for another version of logpipe; "+
		"its go.mod says for which, and --logpipe takes that%s", who, e, said(failed.text))
}

// temporary is our own folder, which is gone when somebody reads of it.
var temporary = regexp.MustCompile(`\S*/logpipe-build-[0-9]+/`)

// said is the text of the go command, indented, without what is noise.
func said(text string) string {
	var s strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "go: downloading ") || strings.HasPrefix(line, "go: finding ") || strings.HasPrefix(line, "go: added ") {
			continue
		}
		s.WriteString("\n  " + temporary.ReplaceAllString(line, ""))
	}
	return s.String()
}
