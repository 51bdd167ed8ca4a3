package jsonscan

import "bytes"

// Compact appends data, which Check must have accepted, to dst without the white space between its values and without a byte
// order mark. Strings and
// numbers stay as they are, byte for byte.
func Compact(dst, data []byte) []byte {
	s := scanner{data: data}
	for i := Mark(data); ; {
		c, from := s.next(i)
		if from >= len(data) {
			return dst
		}
		if i = from + 1; c == '"' {
			if i, _ = s.str(from); i < 0 {
				return append(dst, data[from:]...)
			}
		}
		dst = append(dst, data[from:i]...)
	}
}

// Trim returns data without a byte order mark, and without the white space around it.
func Trim(data []byte) []byte {
	data = bytes.Trim(data[Mark(data):], " \t\r\n")
	return data[:len(data):len(data)]
}
