package redact

import (
	"bytes"
	"net/netip"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// mostIPv6 is the length of the longest address without its zone, as in ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.
const mostIPv6 = 45

// nextIPv6 finds an address (RFC 4291, 2.2) from i on: it looks for colons, and then round them.
func nextIPv6(text []byte, i int) (jsonscan.Span, bool) {
	for i < len(text) {
		at := bytes.IndexByte(text[i:], ':')
		if at < 0 {
			break
		}
		colon := i + at
		from, to := colon, colon+1
		for from > i && colon-from < 4 && isHex(text[from-1]) {
			from--
		}
		colons, double := 1, false
		for to < len(text) && (isHex(text[to]) || text[to] == ':' || text[to] == '.') {
			if text[to] == ':' {
				colons++
				double = double || text[to-1] == ':'
			}
			to++
		}
		if colons > 1 && (double || colons >= 6) && !isWordBefore(text, from) {
			if end := ipv6(text, from, to); end > 0 {
				return jsonscan.Span{From: from, To: end}, true
			}
		}
		i = to
	}
	return jsonscan.Span{}, false
}

// hasColons reports whether text has as many colons as an address needs.
func hasColons(text []byte) bool {
	return bytes.Count(text, []byte{':'}) >= 6 || bytes.Contains(text, []byte("::"))
}

// ipv6 returns where the address ends that is in text[from:to], 0 when there is none. One without a digit is a name such as bad::cafe in most
// logs, and :: alone is no host.
func ipv6(text []byte, from, to int) int {
	for to > from && (text[to-1] == '.' || text[to-1] == ':' && text[to-2] != ':') {
		to-- // the end of a sentence
	}
	if to-from > mostIPv6 || to < len(text) && isWord(text[to]) || bytes.IndexFunc(text[from:to], func(r rune) bool { return '0' <= r && r <= '9' }) < 0 {
		return 0
	}
	if _, err := netip.ParseAddr(string(text[from:to])); err != nil {
		return 0
	}
	return to
}

func isWordBefore(text []byte, i int) bool {
	return i > 0 && (isWord(text[i-1]) && text[i-1] != '_' || text[i-1] == ':')
}
