package redact

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

const (
	leastBasic = 4   // the length of "a:b" in base64; what is shorter has no password
	mostBasic  = 256 // how much of it is looked at: a user's name is shorter than 190 bytes
)

var basic = needle{text: []byte("basic"), fold: true, rare: 0}

// findBasicAuth finds what stands behind the word Basic (RFC 7617) and is user:password in base64. Whatever else stands there is English.
func findBasicAuth(hits []jsonscan.Span, text []byte) []jsonscan.Span {
	for i := 0; i+len(basic.text) <= len(text); {
		at := bytes.IndexAny(text[i:], "bB")
		if at < 0 {
			break
		}
		i += at
		if !equalFold(text[i:], basic.text) || i > 0 && isWord(text[i-1]) && text[i-1] != '_' {
			i++
			continue
		}
		from := i + len(basic.text)
		i = from
		for from < len(text) && isBlank(text[from]) {
			from++
		}
		to := from
		for to < len(text) && to-from < mostBasic && isBase64(text[to]) {
			to++
		}
		if from > i && isUserAndPassword(text[from:to]) {
			for to < len(text) && (isBase64(text[to]) || text[to] == '=') {
				to++
			}
			hits = append(hits, jsonscan.Span{From: from, To: to})
			i = to
		}
	}
	return hits
}

// isUserAndPassword reports whether code is the base64 of a text with a colon in it. One that was cut off is as secret.
func isUserAndPassword(code []byte) bool {
	if len(code) < leastBasic {
		return false
	}
	var plain [mostBasic]byte
	whole := len(code) &^ 3
	if len(code)%4 > 1 {
		whole = len(code)
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if text, err := encoding.AppendDecode(plain[:0], code[:whole]); err == nil {
			return bytes.IndexByte(text, ':') >= 0 && isText(text)
		}
	}
	return false
}

// isText reports whether b can be what somebody has typed; its last rune may be cut off.
func isText(b []byte) bool {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r < ' ' || r == utf8.RuneError && n == 1 && len(b)-i >= utf8.UTFMax {
			return false
		}
		i += n
	}
	return true
}

// isBlank reports whether c separates words; in forms a plus does.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '+' }

func isBase64(c byte) bool {
	return isDigit(c) || 'a' <= lower(c) && lower(c) <= 'z' || c == '+' || c == '/' || c == '-' || c == '_'
}
