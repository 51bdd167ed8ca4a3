package jsonscan

import "bytes"

// Compact appends data, which Check must have accepted, to dst without the white space between its values. Strings and
// numbers stay as they are, byte for byte.
func Compact(dst, data []byte) []byte {
	s := scanner{data: data}
	for {
		c := s.next()
		if s.pos >= len(data) {
			return dst
		}
		from := s.pos
		if c == '"' {
			if _, _, ok := s.str(); !ok {
				return append(dst, data[from:]...)
			}
		} else {
			s.pos++
		}
		dst = append(dst, data[from:s.pos]...)
	}
}

// Trim returns data without the white space around it.
func Trim(data []byte) []byte {
	data = bytes.Trim(data, " \t\r\n")
	return data[:len(data):len(data)]
}
