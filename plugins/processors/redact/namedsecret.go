package redact

import (
	"bytes"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// What stands behind a name such as password or api_key is a secret because of its name: in queries, forms, settings, and JSON within a text. The
// names are sought from the "=" and ":" behind them.

func hasNamedSecret(text []byte) bool {
	_, ok := newNamed(text).next()
	return ok
}

func findNamedSecrets(hits []jsonscan.Span, text []byte) []jsonscan.Span {
	n := newNamed(text)
	for hit, ok := n.next(); ok; hit, ok = n.next() {
		hits = append(hits, hit)
	}
	return hits
}

// named finds the secrets of a text that have a name, one after the other.
type named struct {
	text          []byte
	i             int // so far it has looked
	equals, colon int // the next one of each, len(text) when there is none; -1 before the first search
}

func newNamed(text []byte) *named { return &named{text, 0, -1, -1} }

func (n *named) next() (jsonscan.Span, bool) {
	for {
		if n.equals < n.i {
			n.equals = index(n.text, '=', n.i)
		}
		if n.colon < n.i {
			n.colon = index(n.text, ':', n.i)
		}
		at := min(n.equals, n.colon)
		if at == len(n.text) {
			return jsonscan.Span{}, false
		}
		n.i = at + 1
		name, ok := nameOfSecret(n.text, nameEnd(n.text, at))
		if !ok {
			continue
		}
		value, secret := secretBehind(n.text, at, name)
		switch {
		case secret:
			n.i = value.To
			return value, true
		case at == n.colon: // no colon before the end of this word has another value behind it
			n.colon = index(n.text, ':', max(n.i, value.To))
		default:
			n.i = max(n.i, value.To)
		}
	}
}

var flag = []byte("--")

func hasSecretFlag(text []byte) bool { return bytes.Contains(text, flag) }

// findSecretFlags finds the words behind flags of a command line such as --password.
func findSecretFlags(hits []jsonscan.Span, text []byte) []jsonscan.Span {
	for i := 0; ; {
		at := bytes.Index(text[i:], flag)
		if at < 0 {
			return hits
		}
		i += at + len(flag)
		for i < len(text) && (isWord(text[i]) || text[i] == '-') {
			i++
		}
		if i+1 >= len(text) || text[i] != ' ' || text[i+1] == '-' {
			continue
		}
		if name, ok := nameOfSecret(text, i); ok {
			if value, secret := secretBehind(text, i, name); secret {
				hits = append(hits, value)
				i = value.To
			}
		}
	}
}

// mostBetween is how many quotes and blanks are looked over between a name and its separator.
const mostBetween = 16

// nameEnd returns where the name ends that has its separator at i: before quotes and blanks.
func nameEnd(text []byte, i int) int {
	for least := max(0, i-mostBetween); i > least && isBetween(text[i-1]); {
		i--
	}
	return i
}

// isBetween reports whether c may stand between a name and its separator.
func isBetween(c byte) bool { return isBlank(c) || isQuote(c) || c == '\\' || c == ':' || c == ']' }

// secretBehind returns the value behind the separator at i, and whether it is a secret.
func secretBehind(text []byte, at int, name secretName) (value jsonscan.Span, secret bool) {
	i := at + 1
	switch {
	case text[at] == ':' && i < len(text) && (text[i] == ':' || text[i] == '=' || text[i] == '/'): // a name space, := and ://
		return value, false
	case text[at] == '=' && (i < len(text) && (text[i] == '=' || text[i] == '~') || at > 0 && bytes.IndexByte([]byte("=!<>~"), text[at-1]) >= 0): // it compares
		return value, false
	case text[at] == '=' && i < len(text) && text[i] == '>':
		i++
	}
	first := i
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	if name.text == "authorization" {
		i = behindScheme(text, i)
	}
	slashes := i
	for i < len(text) && text[i] == '\\' {
		i++
	}
	switch {
	case i < len(text) && isQuote(text[i]):
		value = jsonscan.Span{From: i + 1, To: closing(text, i+1, text[i], i-slashes)}
	case text[at] == ' ':
		value = jsonscan.Span{From: slashes, To: parameterEnd(text, slashes)}
	case text[at] == '=' && first < slashes && !isBlank(text[max(at-1, 0)]) && text[at+1] != '>': // an empty value, and then another word
	case text[at] == '=':
		value = jsonscan.Span{From: slashes, To: parameterEnd(text, slashes)}
	default:
		value, secret = word(text, slashes, name.weak)
		return value, secret && !tellsNothing(text[value.From:value.To])
	}
	v := text[value.From:value.To]
	return value, !tellsNothing(v) && (name.text != "pwd" || v[0] != '/') // $PWD is a folder
}

// behindScheme passes over the scheme of an authorization (RFC 9110, 11.4), such as Bearer.
func behindScheme(text []byte, i int) int {
	at := i
	for at < len(text) && (isQuote(text[at]) || isBlank(text[at])) {
		at++
	}
	for at < len(text) && (isWord(text[at]) || text[at] == '-') {
		at++
	}
	end := at
	for at < len(text) && isBlank(text[at]) {
		at++
	}
	if end == at || at == len(text) || endsURL(text[at]) {
		return i
	}
	return at
}

// closing returns where a quoted value ends: at the quote that has no more backslashes before it than the first one had.
func closing(text []byte, i int, quote byte, slashes int) int {
	for run := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			run++
			continue
		case text[i] == quote && (run <= slashes && slashes > 0 || slashes == 0 && run%2 == 0):
			return i - min(run, slashes)
		}
		run = 0
	}
	return i
}

// parameterEnd returns where a value ends that begins at i and has no quotes. A password can have "&", ";" and "," in it: they end it only where
// another name or nothing follows.
func parameterEnd(text []byte, i int) int {
	from, open := i, 0
	for ; i < len(text) && !endsURL(text[i]); i++ {
		switch text[i] {
		case '&', ';', ',':
			if nothingOrName(text, i+1) {
				return i
			}
		case '(', '[', '{':
			open++
		case ')', ']', '}':
			if open--; open < 0 && i > from && nothingOrName(text, i+1) {
				return i
			}
		}
	}
	return i
}

// nothingOrName reports whether a text ends at i, a word does, or another parameter begins.
func nothingOrName(text []byte, i int) bool {
	if i == len(text) || endsURL(text[i]) || bytes.IndexByte([]byte("&;,)]}"), text[i]) >= 0 {
		return true
	}
	for ; i < len(text); i++ {
		if c := text[i]; c == '=' || c == ':' {
			return true
		} else if !isWord(c) && c != '-' && c != '.' && c != '[' && c != ']' && c != '%' && c != ' ' {
			return false
		}
	}
	return false
}

// word returns the value behind a colon, which is one word, and whether it can be a secret: what goes on with other words is prose, unless it has
// letters and digits.
func word(text []byte, i int, weak bool) (value jsonscan.Span, secret bool) {
	value = jsonscan.Span{From: i, To: i}
	if i == len(text) || text[i] == '{' || text[i] == '[' {
		return value, false
	}
	if weak {
		for value.To < len(text) && !endsURL(text[value.To]) && text[value.To] != ':' {
			value.To++
		}
		if !isMixed(text[i:value.To]) {
			value.To = i // another name may be in it
			return value, false
		}
	}
	value.To = parameterEnd(text, i)
	if isMixed(text[i:value.To]) {
		return value, true
	}
	for i = value.To; i < len(text) && (text[i] == ' ' || text[i] == '\t'); i++ {
	}
	return value, i == value.To || nothingOrName(text, i)
}

// isMixed reports whether text has letters and digits, and is longer than a number with its unit.
func isMixed(text []byte) bool {
	letters, digits := 0, 0
	for _, c := range text {
		if isDigit(c) {
			digits++
		} else if isWord(c) {
			letters++
		}
	}
	return letters > 0 && digits > 0 && len(text) >= 6
}

// tellsNothing reports whether a value is no secret: there is none, or somebody has hidden it.
func tellsNothing(value []byte) bool {
	if len(bytes.Trim(value, "*")) == 0 || string(value) == "[redacted]" {
		return true
	}
	for _, literal := range [...]string{"null", "nil", "none", "true", "false", "undefined"} {
		if len(value) == len(literal) && equalFold(value, []byte(literal)) {
			return true
		}
	}
	return false
}

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }
