// Package jsonscan reads JSON bodies where speed counts: Check validates one, Fields takes single values out of one, and
// Compact brings one onto one line. Nothing is decoded into Go values, and nothing is allocated per body unless a string
// holds an escape or the body is wrong.
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

// Check reads data in one pass and accepts exactly what encoding/json.Valid accepts: one value of RFC 8259, with white
// space around it, any bytes from 0x20 up inside strings (also such as are not UTF-8), and no byte order mark. The error is
// a *SyntaxError.
func Check(data []byte) (Form, error) {
	s := scanner{data: data}
	form := Form{Object: s.next() == '{'}
	if !s.document() {
		return Form{}, s.err
	}
	form.Newlines = s.newlines
	return form, nil
}

// document reads the whole of s.data, one value in each turn. It keeps the open arrays and objects in s.kinds, not on
// the call stack.
func (s *scanner) document() bool {
	for {
		switch c := s.next(); c {
		case '{':
			if !s.open(true) {
				return false
			}
			if s.next() != '}' {
				if !s.key() {
					return false
				}
				continue
			}
		case '[':
			if !s.open(false) {
				return false
			}
			if s.next() != ']' {
				continue
			}
		default:
			if !s.scalar(c) {
				return false
			}
		}
		if !s.ascend() {
			return false
		}
		if s.depth == 0 {
			s.next()
			return s.pos == len(s.data) || s.fail(s.pos, "after the value", "nothing more")
		}
	}
}

// ascend closes what ends behind a value, up to the place of the next value or out of the outermost one.
func (s *scanner) ascend() bool {
	for s.depth > 0 {
		c := s.next()
		if c != ',' {
			if !s.close(c) {
				return false
			}
			continue
		}
		s.pos++
		if !s.inObject() {
			return true
		}
		s.next()
		return s.key()
	}
	return true
}

// key reads the key at s.pos and the colon behind it.
func (s *scanner) key() bool {
	if s.pos >= len(s.data) || s.data[s.pos] != '"' {
		return s.fail(s.pos, "in an object", "a key in double quotes")
	}
	if _, _, ok := s.str(); !ok {
		return false
	}
	return s.colon()
}

func (s *scanner) colon() bool {
	if s.next() != ':' {
		return s.fail(s.pos, "after a key", "':'")
	}
	s.pos++
	return true
}

// open begins an array or an object. The innermost 64 kinds are in one word; only deeper bodies need memory.
func (s *scanner) open(object bool) bool {
	if s.depth == MaxDepth {
		s.err = &SyntaxError{s.pos, fmt.Sprintf("more than %d levels of nesting", MaxDepth)}
		return false
	}
	if s.depth > 0 && s.depth%64 == 0 {
		s.outer = append(s.outer, s.kinds)
	}
	s.kinds <<= 1
	if object {
		s.kinds |= 1
	}
	s.depth++
	s.pos++
	return true
}

// close ends the innermost array or object, provided that c is its bracket.
func (s *scanner) close(c byte) bool {
	if s.inObject() && c != '}' {
		return s.fail(s.pos, "after a value in an object", "',' or '}'")
	}
	if !s.inObject() && c != ']' {
		return s.fail(s.pos, "after a value in an array", "',' or ']'")
	}
	s.kinds >>= 1
	s.depth--
	if s.depth > 0 && s.depth%64 == 0 {
		last := len(s.outer) - 1
		s.kinds, s.outer = s.outer[last], s.outer[:last]
	}
	s.pos++
	return true
}

func (s *scanner) inObject() bool { return s.kinds&1 == 1 }
