package jsonscan

import "iter"

// Elements gives the elements of the array data, which Check must have accepted: the text of each without the white space around
// it, as a part of data.
func Elements(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		s := scanner{data: data}
		depth, start, end := 0, -1, 0
		for i := Mark(data); ; {
			c, at := s.next(i)
			if at >= len(data) {
				return
			}
			if depth == 1 && (c == ',' || c == ']') {
				if start >= 0 && !yield(data[start:end:end]) {
					return
				}
				start = -1
			} else if depth == 1 && start < 0 {
				start = at
			}
			i = at + 1
			switch c {
			case '"':
				if i, _ = s.str(at); i < 0 {
					return
				}
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
			end = i
		}
	}
}
