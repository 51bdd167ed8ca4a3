package file

import (
	"bytes"

	"github.com/logpipe/logpipe/engine"
)

// stripErrors takes the member "_error" off lines that a log shipper wrote which adds it to what it could not deliver.
func stripErrors(b *engine.Batch) {
	for i := range b.Messages {
		b.Messages[i].Body = stripError(b.Messages[i].Body)
	}
}

var errorMember = []byte(`"_error"`)

// stripError works in place. Only a last member that is a string is taken off: that is how it is added.
func stripError(line []byte) []byte {
	at := bytes.LastIndex(line, errorMember)
	if at < 0 || line[0] != '{' {
		return line
	}
	cut, ok := lastMember(line)
	if !ok || !bytes.HasPrefix(bytes.TrimLeft(line[cut:], ", "), errorMember) {
		return line
	}
	value := bytes.TrimLeft(bytes.TrimLeft(line[cut:], ", ")[len(errorMember):], ": ")
	if len(value) == 0 || value[0] != '"' {
		return line
	}
	line[cut] = '}'
	return line[: cut+1 : cut+1]
}

// lastMember returns where the last member of the object begins: at its comma, or behind the brace. The object must be
// the whole line.
func lastMember(line []byte) (at int, ok bool) {
	depth, inString := 0, false
	at = 1
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return at, i == len(line)-1
			}
		case c == ',' && depth == 1:
			at = i
		}
	}
	return 0, false
}
