// Package jsonscan reads JSON bodies where speed counts: Check validates one, Fields takes single values out of one,
// Members and NextText find the places of what shall be changed in one, and Compact brings one onto one line. Nothing is decoded
// into Go values, and nothing is allocated per body unless a string holds an escape or the body is wrong.
package jsonscan

import "fmt"

// MaxDepth is how deeply arrays and objects may be nested, the limit of encoding/json. A deeper body is invalid. No
// function of this package recurses into a body, so that none can be brought down by one.
const MaxDepth = 10000

// Form is what Check learns of a valid body.
type Form struct {
	Object   bool // it is an object, not an array, string, number, true, false or null
	Newlines bool // there are line breaks (LF or CR) around its values, so that it takes more than one line
}

// SyntaxError says where a body stops being JSON.
type SyntaxError struct {
	Offset int    // of the first wrong byte, counted from 0; the body's length when it ends too early
	Reason string // what is wrong there, and what would be right
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// Check reads data in one pass and accepts what encoding/json.Valid accepts: one value of RFC 8259, with white space around
// it, and any bytes from 0x20 up inside strings (also such as are not UTF-8). Beyond that it takes a byte order mark of UTF-8
// at the beginning for nothing, as all of this package does. The error is a *SyntaxError.
func Check(data []byte) (Form, error) {
	s := scanner{data: data}
	c, i := s.first()
	if s.document(c, i) < 0 {
		return Form{}, s.err
	}
	return Form{Object: c == '{', Newlines: s.newlines}, nil
}

// document reads the whole of s.data, one value in each turn, the first of which begins at i with c. It keeps the open arrays and
// objects in s.kinds, not on the call stack.
func (s *scanner) document(c byte, i int) int {
	for {
		switch c {
		case '"':
			if i, _ = s.str(i); i < 0 {
				return -1
			}
			c, i = s.next(i)
		case '{':
			if i = s.open(i, true); i < 0 {
				return -1
			}
			if c, i = s.next(i); c != '}' {
				if c, i = s.key(c, i); i < 0 {
					return -1
				}
				continue
			}
		case '[':
			if i = s.open(i, false); i < 0 {
				return -1
			}
			if c, i = s.next(i); c != ']' {
				continue
			}
		default:
			if i = s.scalar(c, i); i < 0 {
				return -1
			}
			c, i = s.next(i)
		}
		if c, i = s.ascend(c, i); i < 0 {
			return -1
		}
		if s.depth == 0 {
			if i < len(s.data) {
				return s.fail(i, "after the value", "nothing more")
			}
			return i
		}
	}
}

// ascend closes what ends behind a value, up to the beginning of the next value or out of the outermost one. c is the byte at i.
func (s *scanner) ascend(c byte, i int) (byte, int) {
	for s.depth > 0 {
		if c == ',' {
			c, i = s.next(i + 1)
			if s.inObject() {
				return s.key(c, i)
			}
			return c, i
		}
		if i = s.close(c, i); i < 0 {
			return 0, -1
		}
		c, i = s.next(i)
	}
	return c, i
}

// key reads the key at i, which begins with c, and the colon behind it.
func (s *scanner) key(c byte, i int) (byte, int) {
	if c != '"' {
		return 0, s.fail(i, "in an object", "a key in double quotes")
	}
	if i, _ = s.str(i); i < 0 {
		return 0, -1
	}
	if c, i = s.next(i); c != ':' {
		return 0, s.fail(i, "after a key", "':'")
	}
	return s.next(i + 1)
}

// open begins an array or an object. The innermost 64 kinds are in one word; only deeper bodies need memory.
func (s *scanner) open(i int, object bool) int {
	if s.depth == MaxDepth {
		s.err = &SyntaxError{i, fmt.Sprintf("more than %d levels of nesting", MaxDepth)}
		return -1
	}
	if s.depth > 0 && s.depth%64 == 0 {
		s.outer = append(s.outer, s.kinds)
	}
	s.kinds <<= 1
	if object {
		s.kinds |= 1
	}
	s.depth++
	return i + 1
}

// close ends the innermost array or object, provided that c is its bracket.
func (s *scanner) close(c byte, i int) int {
	if s.inObject() && c != '}' {
		return s.fail(i, "after a value in an object", "',' or '}'")
	}
	if !s.inObject() && c != ']' {
		return s.fail(i, "after a value in an array", "',' or ']'")
	}
	s.kinds >>= 1
	s.depth--
	if s.depth > 0 && s.depth%64 == 0 {
		last := len(s.outer) - 1
		s.kinds, s.outer = s.outer[last], s.outer[:last]
	}
	return i + 1
}

func (s *scanner) inObject() bool { return s.kinds&1 == 1 }
