package eval

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const maxEnvFile = 1 << 20

// ParseEnvFile reads a file of environment variables: one NAME=VALUE a line, where "export " may stand in front, lines and line ends after
// # are comments, text in single quotes is taken as it is, and text in double quotes may have \n, \t, \", \\ and \$. Of a name
// that is given twice the last value counts. An error names all lines that are wrong and shows no value.
func ParseEnvFile(r io.Reader) (map[string]string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxEnvFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxEnvFile:
		return nil, errors.New("larger than 1 MiB, which is no file of environment variables")
	case !utf8.Valid(text) || strings.ContainsRune(string(text), 0):
		return nil, errors.New("not a text file in UTF-8")
	}
	vars := map[string]string{}
	var wrong []error
	lines := bufio.NewScanner(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff")))
	lines.Buffer(nil, maxEnvFile+1)
	for n := 1; lines.Scan(); n++ {
		name, value, err := parseEnvLine(strings.TrimSpace(lines.Text()))
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Errorf("line %d: %w", n, err))
		case name != "":
			vars[name] = value
		}
	}
	if err := errors.Join(append(wrong, lines.Err())...); err != nil {
		return nil, err
	}
	return vars, nil
}

// parseEnvLine reads one line; the name is "" when it holds nothing.
func parseEnvLine(line string) (name, value string, err error) {
	if line == "" || line[0] == '#' {
		return "", "", nil
	}
	if rest, ok := strings.CutPrefix(line, "export "); ok {
		line = strings.TrimSpace(rest)
	}
	name, value, ok := strings.Cut(line, "=")
	name = strings.TrimRight(name, " \t")
	switch {
	case !ok:
		return "", "", errors.New("no = in it; write NAME=VALUE")
	case !IsEnvName(name):
		return "", "", errors.New("what is left of = is no name; use letters, digits and _, and no digit first")
	}
	value, err = parseEnvValue(strings.TrimLeft(value, " \t"))
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", name, err)
	}
	return name, value, nil
}

// IsEnvName reports whether a variable of the environment may have the name.
func IsEnvName(s string) bool {
	for i, c := range s {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func parseEnvValue(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	var value, rest string
	switch s[0] {
	case '\'':
		end := strings.IndexByte(s[1:], '\'')
		if end < 0 {
			return "", errors.New("a single quote is not closed on its line")
		}
		value, rest = s[1:1+end], s[end+2:]
	case '"':
		var err error
		if value, rest, err = unquoteEnv(s[1:]); err != nil {
			return "", err
		}
	default:
		return cutComment(s), nil
	}
	if rest = strings.TrimSpace(rest); rest != "" && rest[0] != '#' {
		return "", errors.New("there is text after the closing quote")
	}
	return value, nil
}

// cutComment takes a comment off a value without quotes; a # inside a word, as in a URL, is none.
func cutComment(s string) string {
	for i := range len(s) {
		if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			return strings.TrimRight(s[:i], " \t")
		}
	}
	return s
}

// unquoteEnv reads up to the closing double quote and returns what stands behind it.
func unquoteEnv(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case '"', '\\', '$':
			b.WriteByte(s[i])
		default:
			return "", "", errors.New(`a backslash is followed by what is no escape; write \\ for a backslash, or use single quotes`)
		}
	}
	return "", "", errors.New("a double quote is not closed on its line")
}
