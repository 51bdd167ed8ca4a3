package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote returns the text of a string that stands in a body as raw, with its quotes. It is a part of raw, or of buf where escapes
// had to be resolved and buf has the room.
func Unquote(buf, raw []byte) []byte {
	raw = raw[1 : len(raw)-1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	return unescape(buf[:0], raw)
}

// unescape appends raw, whose escapes str has checked, to dst, and resolves them as encoding/json does: half a surrogate pair is U+FFFD.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			i++
			continue
		}
		c := raw[i+1]
		if i += 2; c != 'u' {
			dst = append(dst, plainEscape(c))
			continue
		}
		r := hex4(raw[i:])
		if i += 4; utf16.IsSurrogate(r) {
			pair := utf8.RuneError
			if len(raw) >= i+6 && raw[i] == '\\' && raw[i+1] == 'u' {
				pair = utf16.DecodeRune(r, hex4(raw[i+2:]))
			}
			if r = pair; r != utf8.RuneError {
				i += 6
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

func hex4(b []byte) rune {
	return hex(b[0])<<12 | hex(b[1])<<8 | hex(b[2])<<4 | hex(b[3])
}
