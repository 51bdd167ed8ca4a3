package http

import (
	"bytes"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

// lines makes a message of each line, byte for byte. A line of nothing is the end of the file before, or a blank line for the eye.
func lines(body []byte, into []engine.Message, most int) ([]engine.Message, error) {
	body = body[jsonscan.Mark(body):] // it says how the request is encoded, and is no part of the first line
	for len(body) > 0 {
		line, rest := body, []byte(nil)
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			line, rest = body[:i], body[i+1:]
		}
		body = rest
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			continue
		}
		if len(into) == most {
			return into, tooManyMessages(most)
		}
		into = append(into, engine.Message{Body: line[:len(line):len(line)]})
	}
	return into, nil
}

// document makes a message of each element of a JSON array, or of the one value that the body is. White space between values is taken
// out of a body that has line breaks there: a message is a line then.
func document(body []byte, into []engine.Message, most int) ([]engine.Message, error) {
	body = jsonscan.Trim(body)
	if len(body) == 0 {
		return into, nil
	}
	form, err := jsonscan.Check(body)
	if err != nil {
		return into, notJSON(err)
	}
	if form.Newlines {
		body = jsonscan.Compact(make([]byte, 0, len(body)), body)
	}
	if body[0] != '[' {
		return append(into, engine.Message{Body: body[:len(body):len(body)]}), nil
	}
	for element := range jsonscan.Elements(body) {
		if len(into) == most {
			return into, tooManyMessages(most)
		}
		into = append(into, engine.Message{Body: element})
	}
	return into, nil
}
