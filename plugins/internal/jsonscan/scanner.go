package jsonscan

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// scanner is a position in a body. Its methods return false once the body is wrong; then err says why.
type scanner struct {
	data     []byte
	pos      int
	newlines bool // a line break was skipped outside of strings
	err      error

	depth int      // open arrays and objects
	kinds uint64   // the innermost 64 of them, the last one lowest; 1 is an object
	outer []uint64 // the others, in words of 64
}

// next skips white space and returns the byte at the new position, 0 at the end. A 0 in the body is never right either.
func (s *scanner) next() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t':
		case '\n', '\r':
			s.newlines = true
		default:
			return c
		}
	}
	return 0
}

// scalar reads the string, number or literal that begins with c.
func (s *scanner) scalar(c byte) bool {
	switch {
	case c == '"':
		_, _, ok := s.str()
		return ok
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.fail(s.pos, "", "a value")
}

func (s *scanner) literal(word string) bool {
	for i := range len(word) {
		if s.pos+i >= len(s.data) || s.data[s.pos+i] != word[i] {
			return s.fail(s.pos+i, "in a literal", word)
		}
	}
	s.pos += len(word)
	return true
}

func (s *scanner) number() bool {
	data, i := s.data, s.pos
	if data[i] == '-' {
		i++
	}
	if i < len(data) && data[i] == '0' {
		i++
	} else if i = s.digits(i); i < 0 {
		return false
	}
	if i < len(data) && data[i] == '.' {
		if i = s.digits(i + 1); i < 0 {
			return false
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if i = s.digits(i); i < 0 {
			return false
		}
	}
	s.pos = i
	return true
}

// digits skips at least one digit from i on and returns where they end, -1 when there is none.
func (s *scanner) digits(i int) int {
	from := i
	for i < len(s.data) && '0' <= s.data[i] && s.data[i] <= '9' {
		i++
	}
	if i == from {
		s.fail(i, "in a number", "a digit")
		return -1
	}
	return i
}

// str reads the string that begins at s.pos and returns what is between its quotes, and whether there are escapes in it.
func (s *scanner) str() (raw []byte, escaped, ok bool) {
	data, from := s.data, s.pos+1
	for i := from; ; {
		if i = plain(data, i); i >= len(data) {
			return nil, false, s.fail(i, "in a string", "")
		}
		switch data[i] {
		case '"':
			s.pos = i + 1
			return data[from:i], escaped, true
		case '\\':
			escaped = true
			if i = s.escape(i + 1); i < 0 {
				return nil, false, false
			}
		default:
			return nil, false, s.fail(i, "in a string", "it escaped")
		}
	}
}

// plain returns the index of the first quote, backslash or control character from i on, len(data) when there is none. It
// looks at eight bytes at once: in each of the three terms the lowest set bit marks the first byte that matches.
func plain(data []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(data); i += 8 {
		w := binary.LittleEndian.Uint64(data[i:])
		quote, slash := w^ones*'"', w^ones*'\\'
		hit := ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & tops
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(data); i++ {
		if c := data[i]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// escape reads an escape from behind its backslash on and returns where it ends, -1 when it is wrong.
func (s *scanner) escape(i int) int {
	if i >= len(s.data) {
		s.fail(i, "in a string", "")
		return -1
	}
	switch s.data[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for range 4 {
			if i++; i >= len(s.data) || hex(s.data[i]) < 0 {
				s.fail(i, "in a \\u escape", "four hexadecimal digits")
				return -1
			}
		}
		return i + 1
	}
	s.fail(i, "after a backslash", "one of \" \\ / b f n r t u")
	return -1
}

// hex is the value of a hexadecimal digit, -1 for any other byte.
func hex(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

// fail records that the byte at offset is wrong in a place such as "in a string", where want would be right.
func (s *scanner) fail(offset int, place, want string) bool {
	var what string
	switch {
	case offset >= len(s.data) && s.empty():
		what, place, want = "there is nothing", "", ""
	case offset >= len(s.data):
		what = "unexpected end"
	case offset == 0 && len(s.data) >= 3 && string(s.data[:3]) == "\xef\xbb\xbf":
		what, place, want = "unexpected byte order mark", "", "it left out"
	case s.data[offset] < 0x7f && s.data[offset] >= 0x20:
		what = fmt.Sprintf("unexpected character '%c'", s.data[offset])
	default:
		what = fmt.Sprintf("unexpected byte 0x%02x", s.data[offset])
	}
	if place != "" {
		what += " " + place
	}
	if want != "" {
		what += ", want " + want
	}
	s.err = &SyntaxError{offset, what}
	return false
}

// empty reports whether the body has nothing but white space.
func (s *scanner) empty() bool {
	blank := scanner{data: s.data}
	return blank.next() == 0 && blank.pos == len(s.data)
}
