package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Span is where a part of a body stands: data[From:To].
type Span struct{ From, To int }

// Text is one string of a body.
type Text struct {
	Span         // of what stands between its quotes
	Key     bool // it is the name of a member of an object
	Escaped bool // there are escapes in it: see AppendUnescaped
}

// NextText returns the first string that begins at i or behind it, and where to look for the next one; -1 when there is none. Check must have
// accepted data, and i must not be inside a string.
func NextText(data []byte, i int) (Text, int) {
	at := bytes.IndexByte(data[i:], '"')
	if at < 0 {
		return Text{}, -1
	}
	s := scanner{data: data}
	from := i + at + 1
	end, escaped := s.str(from - 1)
	if end < 0 {
		return Text{}, -1
	}
	c, _ := s.next(end)
	return Text{Span: Span{from, end - 1}, Key: c == ':', Escaped: escaped}, end
}

// AppendUnescaped appends to dst what raw, the inside of a string that Check accepted, says. Half a surrogate pair is U+FFFD, as in
// encoding/json; bytes that are not UTF-8 stay.
func AppendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] == '\\' {
			r, n := escaped(raw[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		n := bytes.IndexByte(raw[i:], '\\')
		if n < 0 {
			n = len(raw) - i
		}
		dst = append(dst, raw[i:i+n]...)
		i += n
	}
	return dst
}

// RawSpan returns where in raw that stands which text is of AppendUnescaped(nil, raw). An escape of which text has a part is in it as a whole.
func RawSpan(raw []byte, text Span) Span {
	span := Span{len(raw), len(raw)}
	for i, at := 0, 0; i < len(raw); {
		n, length := 1, 1
		if raw[i] == '\\' {
			var r rune
			r, n = escaped(raw[i:])
			length = utf8.RuneLen(r)
		}
		if at+length > text.From && span.From == len(raw) {
			span.From = i
		}
		if at >= text.To {
			return Span{min(span.From, i), i}
		}
		i, at = i+n, at+length
	}
	return span
}

// escaped reads the escape that raw begins with, and the one behind it where both together are a surrogate pair; n is the length of them.
func escaped(raw []byte) (r rune, n int) {
	if raw[1] != 'u' {
		return rune(plainEscape(raw[1])), 2
	}
	r = hex4(raw[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(raw[8:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}
