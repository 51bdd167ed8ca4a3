package jsonscan

import "fmt"

// scanner reads a body. Its methods take the index that they begin at and return the one they end at: an index in a register is
// several times faster than one in the struct. They return -1 once the body is wrong; then err says why.
type scanner struct {
	data     []byte
	newlines bool // a line break was skipped outside of strings
	err      error

	depth int      // open arrays and objects
	kinds uint64   // the innermost 64 of them, the last one lowest; 1 is an object
	outer []uint64 // the others, in words of 64
}

// first is next at the beginning of a body, behind its byte order mark.
func (s *scanner) first() (byte, int) { return s.next(Mark(s.data)) }

// next returns the first byte from i on that is no white space, and where it is; 0 at the end. A 0 in the body is never right either.
func (s *scanner) next(i int) (byte, int) {
	if i < len(s.data) && s.data[i] > ' ' { // mostly there is no white space, and this is short enough to be inlined
		return s.data[i], i
	}
	return s.blanks(i)
}

func (s *scanner) blanks(i int) (byte, int) {
	for ; i < len(s.data); i++ {
		switch c := s.data[i]; c {
		case ' ', '\t':
		case '\n', '\r':
			s.newlines = true
		default:
			return c, i
		}
	}
	return 0, i
}

// scalar reads the string, number or literal at i, which begins with c.
func (s *scanner) scalar(c byte, i int) int {
	switch {
	case c == '"':
		end, _ := s.str(i)
		return end
	case c == '-' || '0' <= c && c <= '9':
		return s.number(i)
	case c == 't':
		return s.literal(i, "true")
	case c == 'f':
		return s.literal(i, "false")
	case c == 'n':
		return s.literal(i, "null")
	}
	return s.fail(i, "", "a value")
}

func (s *scanner) literal(i int, word string) int {
	if len(s.data)-i >= len(word) && string(s.data[i:i+len(word)]) == word {
		return i + len(word)
	}
	for n := 0; ; n++ {
		if i+n >= len(s.data) || s.data[i+n] != word[n] {
			return s.fail(i+n, "in a literal", word)
		}
	}
}

func (s *scanner) number(i int) int {
	data := s.data
	if data[i] == '-' {
		i++
	}
	from := i
	if i < len(data) && data[i] == '0' {
		i++
	} else if i = digits(data, i); i == from {
		return s.noDigit(i)
	}
	if i < len(data) && data[i] == '.' {
		from = i + 1
		if i = digits(data, from); i == from {
			return s.noDigit(i)
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		from = i + 1
		if from < len(data) && (data[from] == '+' || data[from] == '-') {
			from++
		}
		if i = digits(data, from); i == from {
			return s.noDigit(i)
		}
	}
	return i
}

func (s *scanner) noDigit(i int) int { return s.fail(i, "in a number", "a digit") }

// str reads the string whose first quote is at i and returns where it ends, behind the other quote, and whether there are escapes in it.
func (s *scanner) str(i int) (end int, escaped bool) {
	data := s.data
	for i++; ; {
		if i = plain(data, i); i >= len(data) {
			return s.fail(len(data), "in a string", ""), false
		}
		switch data[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			if i+1 < len(data) && short[data[i+1]] {
				i += 2
			} else if i = s.escape(i + 1); i < 0 {
				return -1, false
			}
		default:
			return s.fail(i, "in a string", "it escaped"), false
		}
	}
}

// short has the bytes that are an escape behind a backslash by themselves.
var short = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// escape reads, from behind its backslash on, an escape that is not short.
func (s *scanner) escape(i int) int {
	switch {
	case i >= len(s.data):
		return s.fail(i, "in a string", "")
	case s.data[i] != 'u':
		return s.fail(i, "after a backslash", "one of \" \\ / b f n r t u")
	}
	for range 4 {
		if i++; i >= len(s.data) || hex(s.data[i]) < 0 {
			return s.fail(i, "in a \\u escape", "four hexadecimal digits")
		}
	}
	return i + 1
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

// fail records that the byte at offset is wrong in a place such as "in a string", where want would be right, and returns -1.
func (s *scanner) fail(offset int, place, want string) int {
	var what string
	switch {
	case offset >= len(s.data) && s.empty():
		what, place, want = "there is nothing", "", ""
	case offset >= len(s.data):
		what = "unexpected end"
	case offset == 0 && IsUTF16(s.data):
		what, place, want = "unexpected byte order mark of UTF-16 or UTF-32", "", "text in UTF-8"
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
	return -1
}

// empty reports whether the body has nothing but white space.
func (s *scanner) empty() bool {
	blank := scanner{data: s.data}
	_, i := blank.first()
	return i == len(s.data)
}
