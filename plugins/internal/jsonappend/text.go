// Package jsonappend writes JSON by appending to a slice: texts, and what engine.Meta knows of a message.
// Nothing is allocated but room in the slice. What is written depends on the arguments alone, so that a
// batch that is written again gives the same bytes again. Package jsonscan is the reading side.
package jsonappend

import (
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Text appends s as a JSON string, with no more escapes than JSON asks for. Each byte that is not UTF-8 becomes U+FFFD, as in encoding/json.
func Text(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return quoted(dst, s)
}

// quoted appends s, which is UTF-8.
func quoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = Escaped(dst, s)
	return append(dst, '"')
}

// Time appends t as a JSON string: RFC 3339 in UTC, to the nanosecond.
func Time(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

// Float appends v as a number, or as the text "NaN", "+Inf" or "-Inf", for which JSON has none.
func Float(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		dst = append(dst, '"')
		dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
		return append(dst, '"')
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// Comma appends what stands in front of the element i of a list.
func Comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// Escaped appends what stands between the quotes of a JSON string. s is UTF-8, or a part of such a text. JSON in JSON has a quote every
// few bytes: the backslash is written always and kept where it is due, because guessing where costs more.
func Escaped[S string | []byte](dst []byte, s S) []byte {
	dst = slices.Grow(dst, len(s)+len(s)/4+8)
	n := len(dst)
	dst = dst[:cap(dst)]
	for i := 0; i < len(s); i++ {
		if len(dst)-n < 8 { // the longest escape
			dst = slices.Grow(dst[:n], len(s)-i+8)
			dst = dst[:cap(dst)]
		}
		c := s[i]
		if c < ' ' {
			n += putControl(dst[n:], c)
			continue
		}
		dst[n] = '\\'
		n += int(backslash[c])
		dst[n] = c
		n++
	}
	return dst[:n]
}

// backslash is 1 for the bytes that have one in front of them.
var backslash = [256]uint8{'"': 1, '\\': 1}

const hexDigits = "0123456789abcdef"

// putControl writes the escape of a control character and returns its length, at most 6.
func putControl(dst []byte, c byte) int {
	switch c {
	case '\n':
		return copy(dst, `\n`)
	case '\r':
		return copy(dst, `\r`)
	case '\t':
		return copy(dst, `\t`)
	}
	n := copy(dst, `\u00`)
	dst[n], dst[n+1] = hexDigits[c>>4], hexDigits[c&15]
	return n + 2
}
