package redact

import "bytes"

// What a text reads as once it is unwrapped costs a copy of it and another search. Almost every escape there is, such as %20 and %2F, can make no
// hit, and a look at each of them tells so.

// hiding is what tells whether a pattern that has no hit in a text may have one in what the text reads as.
type hiding struct {
	// any says that every escape may make a hit.
	any bool
	// bytes are those which may make a hit where they come from an escape; inNumber those which may where a digit stands before the escape. All others
	// can only stand beside a hit.
	bytes, inNumber string
}

// hides is the hiding of a needle: it is in what a text reads as where it is in the text, or an escape makes a part of it.
func (n needle) hides() hiding {
	if !n.fold {
		return hiding{bytes: string(n.text)}
	}
	return hiding{bytes: string(n.text) + string(bytes.ToUpper(n.text))}
}

// escapeParts are what an escape is made of: what makes one of them in a text with a percent sign may make another escape.
const escapeParts = `%\` + hexadecimal

// lookout finds texts that may hide hits of some patterns.
type lookout struct {
	dangerous, inNumber escapeSet
}

func newLookout(ps patterns) *lookout {
	l := new(lookout)
	l.dangerous.add(escapeParts)
	for _, p := range ps {
		for c := 0; p.hides.any && c < 256; c++ {
			l.dangerous.addByte(byte(c))
		}
		l.dangerous.add(p.hides.bytes)
		l.inNumber.add(p.hides.inNumber)
	}
	return l
}

// hides reports whether there may be a hit in what text reads as, when there is none in the text. Where there is a backslash there may.
func (l *lookout) hides(text []byte) bool {
	return bytes.IndexByte(text, '\\') >= 0 || l.hidesInPercents(text)
}

// hidesInPercents is hides for a text without backslashes.
func (l *lookout) hidesInPercents(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '%')
		if at < 0 || at+2 >= len(text) {
			return false
		}
		high, low := text[at+1], text[at+2]
		if l.dangerous.has(high, low) || l.inNumber.has(high, low) && (at == 0 || isDigit(text[at-1])) { // a digit may stand before text
			return true
		}
		text = text[at+1:]
	}
}

// escapeSet is a set of escapes. By the character of the low digit it has a bit for each high one.
type escapeSet [256]uint16

func (s *escapeSet) has(high, low byte) bool { return s[low]&highDigit[high] != 0 }

func (s *escapeSet) add(bytes string) {
	for _, c := range []byte(bytes) {
		s.addByte(c)
	}
}

func (s *escapeSet) addByte(c byte) {
	digit := hexadecimal[c&0xf]
	s[digit] |= 1 << (c >> 4)
	s[upper(digit)] |= 1 << (c >> 4)
}

// highDigit is the bit of a hexadecimal digit, 0 for what is none.
var highDigit = func() (of [256]uint16) {
	for _, digit := range []byte(hexadecimal) {
		of[digit] = 1 << hexValue([]byte{digit})
	}
	return of
}()
