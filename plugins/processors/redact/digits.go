package redact

import (
	"github.com/logpipe/logpipe/engine/jsonscan"
)

// What is made of digits is in every log line, so that no literal keeps a regular expression away from it. These are read by hand.

const (
	leastCard, mostCard = 13, 19 // digits of a card's number, by ISO/IEC 7812
	leastGroup          = 3      // digits between two blanks or dashes; less are rows of small numbers
)

// nextCard finds a card's number from i on. Each has at least 13 bytes of its kind in a row, so one of them is at every 13th place: almost all
// bytes need no look.
func nextCard(text []byte, i int) (jsonscan.Span, bool) {
	for at := i + leastCard - 1; at < len(text); at += leastCard {
		if !ofCard(text[at]) {
			continue
		}
		for at > i && ofCard(text[at-1]) {
			at--
		}
		for ; at < len(text) && ofCard(text[at]); at++ {
			if end := card(text, at); end > 0 {
				return jsonscan.Span{From: at, To: end}, true
			}
		}
		i = at
	}
	return jsonscan.Span{}, false
}

// hasCardsRow reports whether text has a row of bytes that is long enough for a card's number.
func hasCardsRow(text []byte) bool {
	for at := leastCard - 1; at < len(text); at += leastCard {
		if !ofCard(text[at]) {
			continue
		}
		from := at
		for at+1 < len(text) && ofCard(text[at+1]) {
			at++
		}
		for from > 0 && at-from+1 < leastCard && ofCard(text[from-1]) {
			from--
		}
		if at-from+1 >= leastCard {
			return true
		}
	}
	return false
}

// ofCard reports whether a card's number can have c in it. In forms a blank is a plus.
func ofCard(c byte) bool { return isDigit(c) || c == ' ' || c == '-' || c == '+' }

// card returns where a card's number ends that begins at from, 0 when none does. A part of a longer number or of a word is none.
func card(text []byte, from int) (end int) {
	if c := text[from]; c < '2' || c > '6' || partOfMore(text, from) {
		return 0
	}
	var digits [mostCard]byte
	n, group := 0, 0
	for i := from; i < len(text) && ofCard(text[i]); i++ {
		if !isDigit(text[i]) {
			if group < leastGroup { // also behind another blank
				break
			}
			group = 0
			continue
		}
		if n == mostCard {
			break
		}
		digits[n] = text[i]
		n++
		group++
		if n >= leastCard && group >= leastGroup && !goesOn(text, i+1) && luhn(digits[:n]) {
			end = i + 1
		}
	}
	return end
}

// luhn checks the last digit of a number, by ISO/IEC 7812-1, annex B.
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// partOfMore reports whether a number at i has a word, another digit, or a digit and a point before it.
func partOfMore(text []byte, i int) bool {
	return i > 0 && (isWord(text[i-1]) && text[i-1] != '_' || text[i-1] == '.' && i > 1 && isDigit(text[i-2]))
}

// goesOn is partOfMore for what is behind a number that ends before i.
func goesOn(text []byte, i int) bool {
	return i < len(text) && (isWord(text[i]) && text[i] != '_' || text[i] == '.' && i+1 < len(text) && isDigit(text[i+1]))
}

// nextIPv4 finds an address from i on: it looks for points, and then round them.
func nextIPv4(text []byte, i int) (jsonscan.Span, bool) {
	for point := index(text, '.', i); point < len(text); point = index(text, '.', point+1) {
		if point == i || point+1 == len(text) || !isDigit(text[point-1]) || !isDigit(text[point+1]) {
			continue
		}
		from := point - 1
		for from > i && isDigit(text[from-1]) {
			from--
		}
		if end := address(text, from); end > 0 {
			return jsonscan.Span{From: from, To: end}, true
		}
	}
	return jsonscan.Span{}, false
}

// address returns where an address ends that begins at from, 0 when none does.
func address(text []byte, from int) int {
	if partOfMore(text, from) {
		return 0
	}
	i := from
	for part := range 4 {
		if part > 0 {
			if i == len(text) || text[i] != '.' {
				return 0
			}
			i++
		}
		n, first := 0, i
		for i < len(text) && i-first < 3 && isDigit(text[i]) {
			n = 10*n + int(text[i]-'0')
			i++
		}
		if i == first || n > 255 {
			return 0
		}
	}
	if goesOn(text, i) {
		return 0
	}
	return i
}

// hasFourNumbers reports whether text has four numbers with points between them, however long the first and the last are.
func hasFourNumbers(text []byte) bool {
	for i := index(text, '.', 0); i < len(text); i = index(text, '.', i+1) {
		if i == 0 || !isDigit(text[i-1]) {
			continue
		}
		points := 1
		for i++; points < 3 && i < len(text) && (isDigit(text[i]) || text[i] == '.' && isDigit(text[i-1])); i++ {
			if text[i] == '.' {
				points++
			}
		}
		if points == 3 {
			return true
		}
		i-- // which may be a point
	}
	return false
}

const (
	digits      = "0123456789"
	hexadecimal = digits + "abcdefABCDEF"
)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isWord reports whether c is of a word. Bytes of letters beyond ASCII count as such.
func isWord(c byte) bool {
	return isDigit(c) || 'a' <= lower(c) && lower(c) <= 'z' || c == '_' || c >= 0x80
}
