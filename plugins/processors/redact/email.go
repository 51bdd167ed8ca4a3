package redact

import (
	"unicode"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// aroundAt is email, asked only of what stands around each "@" and can be of one address: a regular expression that looks at all of a large text
// takes microseconds for each address in it.
func aroundAt(email pattern) pattern {
	find := email.find
	email.find = func(hits []jsonscan.Span, text []byte) []jsonscan.Span {
		end := 0 // of the hit before
		for at := index(text, '@', 0); at < len(text); at = index(text, '@', at+1) {
			from, to := at, at+1
			for from > end {
				r, n := utf8.DecodeLastRune(text[end:from])
				if !isOfAddress(r) && r != '_' && r != '%' && r != '+' {
					break
				}
				from -= n
			}
			for to < len(text) {
				r, n := utf8.DecodeRune(text[to:])
				if !isOfAddress(r) {
					break
				}
				to += n
			}
			if from == at || to == at+1 {
				continue
			}
			n := len(hits)
			hits = find(hits, text[from:to])
			for i := n; i < len(hits); i++ {
				hits[i].From, hits[i].To = hits[i].From+from, hits[i].To+from
				end = hits[i].To
			}
		}
		return hits
	}
	return email
}

// isOfAddress reports whether the name of a host can have r in it; that of a user has more.
func isOfAddress(r rune) bool {
	if r < utf8.RuneSelf {
		return isDigit(byte(r)) || 'a' <= lower(byte(r)) && lower(byte(r)) <= 'z' || r == '.' || r == '-'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r))
}
