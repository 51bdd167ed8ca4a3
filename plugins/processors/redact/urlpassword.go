package redact

import (
	"bytes"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// The password of a URL is read by hand: people write it into configurations as it is, with an "@" or a "/" in it, so its end is the last "@"
// of what can be its host's, and no expression says where that is.

var (
	authority = []byte("://") // RFC 3986, 3.2
	// Data source names of Go's MySQL driver have no scheme: user:password@tcp(host:port)/database.
	mysqlHosts = [][]byte{[]byte("@tcp("), []byte("@unix(")}
)

func hasAt(text []byte) bool { return bytes.IndexByte(text, '@') >= 0 }

func hasURLPassword(text []byte) bool {
	return bytes.Contains(text, authority) || bytes.Contains(text, mysqlHosts[0]) || bytes.Contains(text, mysqlHosts[1])
}

func findURLPasswords(hits []jsonscan.Span, text []byte) []jsonscan.Span {
	for i := 0; ; {
		at := bytes.Index(text[i:], authority)
		if at < 0 {
			break
		}
		var hit jsonscan.Span
		if hit, i = urlPassword(text, i+at+len(authority)); hit.From < hit.To {
			hits = append(hits, hit)
		}
	}
	for _, host := range mysqlHosts {
		for i := 0; ; {
			at := bytes.Index(text[i:], host)
			if at < 0 {
				break
			}
			end := i + at
			if from := mysqlPassword(text, i, end); from < end {
				hits = append(hits, jsonscan.Span{From: from, To: end})
			}
			i = end + len(host)
		}
	}
	return hits
}

// urlPassword returns where the password of the URL stands whose authority begins at i, and where to look for the next URL.
func urlPassword(text []byte, i int) (hit jsonscan.Span, next int) {
	for ; i < len(text) && text[i] != ':'; i++ {
		if c := text[i]; endsURL(c) || c == '/' || c == '?' || c == '#' || c == '@' || c == '[' {
			return hit, i
		}
	}
	if i == len(text) {
		return hit, i
	}
	hit.From, hit.To = i+1, i+1
	path := false
	for i = hit.From; i < len(text) && !endsURL(text[i]); i++ {
		switch c := text[i]; {
		case c == '@':
			hit.To = i
		case c == '/' || c == '?' || c == '#':
			if hit.To > hit.From { // what stands before is user and password: from here on it is the path
				return hit, i
			}
			if !path && isPort(text[hit.From:i]) {
				return hit, i
			}
			path = true
		}
	}
	return hit, i // without an "@" there is none in another URL within this one either
}

// isPort reports whether text is a port or a place for one; a password that begins with a number and a slash cannot be told from one.
func isPort(text []byte) bool {
	for _, c := range text {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// mysqlPassword returns where the password begins that is in text[from:end] and ends there, end when there is none.
func mysqlPassword(text []byte, from, end int) int {
	password := end
	for i := end - 1; i > from && !endsURL(text[i]); i-- {
		if text[i] == ':' && isWord(text[i-1]) {
			password = i + 1
		}
	}
	return password
}

// endsURL reports whether c is in no URL and ends one that stands in a text.
func endsURL(c byte) bool {
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`'
}

// outsideAuthority is email, but that it takes only the password of "://user:password@example.com" and leaves the host, which says what was
// connected to.
func outsideAuthority(email pattern) pattern {
	find := email.find
	email.find = func(hits []jsonscan.Span, text []byte) []jsonscan.Span {
		n := len(hits)
		hits = find(hits, text)
		for i, hit := range hits[n:] {
			if isPassword(text, hit.From) {
				hits[n+i].To = hit.From + bytes.IndexByte(text[hit.From:hit.To], '@')
			}
		}
		return hits
	}
	return email
}

// mostUserinfo is how far before an address the beginning of its URL is sought. Beyond it all of the address is hidden.
const mostUserinfo = 256

// isPassword reports whether what begins at i is the password of a URL, or the rest of one.
func isPassword(text []byte, i int) bool {
	colon := false
	least := max(0, i-mostUserinfo)
	for i--; i > least && !endsURL(text[i]) && text[i] != '/'; i-- {
		colon = colon || text[i] == ':'
	}
	return colon && i >= least && bytes.HasSuffix(text[:i+1], authority)
}
