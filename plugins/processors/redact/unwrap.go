package redact

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A secret in a URL is percent-encoded, in a redirect twice, and JSON within a text has escapes. So a text is also looked at as it reads once
// these are resolved: what stands before the number in "card%3D4111111111111111" is a "D", and then an equals sign.

// mostUnwraps is how often a text is unwrapped: a URL in a parameter of a URL, in the text of JSON within JSON.
const mostUnwraps = 3

// appendUnwrapped appends text to dst, with each of its escapes resolved once. It returns nil where there are none.
func appendUnwrapped(dst, text []byte) []byte {
	e := newEscapes(text)
	at, n := e.next(0)
	if n == 0 {
		return nil
	}
	read := 0
	for ; n > 0; at, n = e.next(read) {
		dst = appendMeaning(append(dst, text[read:at]...), text[at:at+n])
		read = at + n
	}
	return append(dst, text[read:]...)
}

// unwrap resolves the escapes of text so many times.
func unwrap(text []byte, times int) []byte {
	for range times {
		next := appendUnwrapped(nil, text)
		if next == nil {
			break
		}
		text = next
	}
	return text
}

// rewrap turns hits in what appendUnwrapped makes of text into the places of text that are read so. They must be in order and apart. An escape of
// which a hit has a part is in it as a whole.
func rewrap(text []byte, hits []hit) {
	e := newEscapes(text)
	read, means := 0, 0 // so far in text is so far in what it reads as
	at, n := e.next(0)
	var meaning [utf8.UTFMax]byte
	place := func(want int, isEnd bool) int {
		for {
			if n == 0 || want <= means+at-read {
				return read + want - means
			}
			size := len(appendMeaning(meaning[:0], text[at:at+n]))
			switch {
			case want >= means+at-read+size:
				means += at - read + size
				read = at + n
				at, n = e.next(read)
			case isEnd:
				return at + n
			default:
				return at
			}
		}
	}
	for i := range hits {
		hits[i].From = place(hits[i].From, false)
		hits[i].To = place(hits[i].To, true)
	}
}

// escapes finds the escapes of a text, one after the other.
type escapes struct {
	text           []byte
	percent, slash int // where the next byte is that one may begin with, len(text) when there is none; -1 before the first search
}

func newEscapes(text []byte) escapes { return escapes{text, -1, -1} }

// next returns where the first escape from i on is, and its length, which is 0 when there is none.
func (e *escapes) next(i int) (at, n int) {
	for {
		if e.percent < i {
			e.percent = index(e.text, '%', i)
		}
		if e.slash < i {
			e.slash = index(e.text, '\\', i)
		}
		if at = min(e.percent, e.slash); at == len(e.text) {
			return at, 0
		}
		if n = escape(e.text[at:]); n > 0 {
			return at, n
		}
		i = at + 1
	}
}

// index is the index of the first c from i on, len(text) when there is none.
func index(text []byte, c byte, i int) int {
	if at := bytes.IndexByte(text[i:], c); at >= 0 {
		return i + at
	}
	return len(text)
}

// escape returns the length of the escape that text begins with, 0 when it is none: %40 (RFC 3986, 2.1), \u0040 and such as \n (RFC 8259, 7), and
// \x40, which web servers and many languages write.
func escape(text []byte) int {
	switch {
	case text[0] == '%':
		return escapeOf(text, 1, 2)
	case len(text) == 1:
	case text[1] == 'x':
		return escapeOf(text, 2, 2)
	case text[1] == 'u':
		return escapeOf(text, 2, 4)
	case strings.IndexByte(`nrtbf"'\/`, text[1]) >= 0:
		return 2
	}
	return 0
}

// escapeOf is the length of an escape that has so many hexadecimal digits behind its beginning, 0 when it has not.
func escapeOf(text []byte, beginning, digits int) int {
	if len(text) < beginning+digits {
		return 0
	}
	for _, c := range text[beginning : beginning+digits] {
		if !isHex(c) {
			return 0
		}
	}
	return beginning + digits
}

// appendMeaning appends what an escape stands for. Half a surrogate pair is U+FFFD.
func appendMeaning(dst, escape []byte) []byte {
	switch len(escape) {
	case len(`\n`):
		if strings.IndexByte("nrtbf", escape[1]) >= 0 {
			return append(dst, '\n') // what ends at one white space ends at each
		}
		return append(dst, escape[1])
	case len(`\u0040`):
		return utf8.AppendRune(dst, rune(hexValue(escape[2:])))
	default: // %40 and \x40
		return append(dst, byte(hexValue(escape[len(escape)-2:])))
	}
}

// hexValue is the value of hexadecimal digits.
func hexValue(digits []byte) (v int) {
	for _, c := range digits {
		v <<= 4
		if isDigit(c) {
			v |= int(c - '0')
		} else {
			v |= int(lower(c)-'a') + 10
		}
	}
	return v
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= lower(c) && lower(c) <= 'f' }
