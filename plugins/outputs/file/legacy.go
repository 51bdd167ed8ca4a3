package file

import (
	"bytes"
	"slices"

	"github.com/logpipe/logpipe/engine"
)

// stripErrors takes the member "_error" off lines that a log shipper wrote which adds it to what it could not deliver.
func stripErrors(b *engine.Batch) {
	for i := range b.Messages {
		b.Messages[i].Body = stripError(b.Messages[i].Body)
	}
}

const errorMember = `"_error"`

// stripError works in place. Only a member of the outermost object that is a string is taken off: that is how it is added, at the end,
// or in the place of one that was there before.
func stripError(line []byte) []byte {
	object := bytes.TrimRight(line, " \t\r")
	if !bytes.Contains(line, []byte(errorMember)) || line[0] != '{' {
		return line
	}
	from, to, ok := errorIn(object)
	if !ok {
		return line
	}
	// One comma goes with it: the one in front, or, of a first member, the one behind.
	switch {
	case object[from] == ',':
	case object[to] == ',':
		to++
		from++
	default:
		from++
	}
	return slices.Delete(line, from, to)
}

// errorIn finds the member in an object that is the whole line: from its comma, or the brace in front, up to what follows it.
func errorIn(object []byte) (from, to int, ok bool) {
	depth, begin := 0, 0
	for i := 0; i < len(object); i++ {
		switch c := object[i]; c {
		case '"':
			end := stringEnd(object, i)
			if depth == 1 && !ok && string(object[i:end]) == errorMember {
				from = begin
				to, ok = textEnd(object, end)
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return from, to, ok && i == len(object)-1
			}
		case ',':
			if depth == 1 {
				begin = i
			}
		}
	}
	return 0, 0, false
}

// textEnd returns the place of the comma or brace behind the value that begins at the colon, if it is a string.
func textEnd(object []byte, i int) (end int, ok bool) {
	i = behindSpace(object, i)
	if i == len(object) || object[i] != ':' {
		return 0, false
	}
	if i = behindSpace(object, i+1); i == len(object) || object[i] != '"' {
		return 0, false
	}
	i = behindSpace(object, stringEnd(object, i))
	return i, i < len(object) && (object[i] == ',' || object[i] == '}')
}

// stringEnd returns the place behind the string that begins at i.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(text))
}

func behindSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i
}
