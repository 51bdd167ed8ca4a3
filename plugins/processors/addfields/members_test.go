package addfields

import (
	"encoding/json"
	"strings"
)

// member is a value of an object, or of an object in it, that is no object itself but for an empty one.
type member struct{ path, value string }

// members are those of a body in their order, as encoding/json reads them.
func members(body string) (all []member, object bool) {
	body = strings.TrimPrefix(body, "\ufeff") // encoding/json takes none
	if !json.Valid([]byte(body)) || strings.TrimLeft(body, " \t\r\n")[0] != '{' {
		return nil, false
	}
	return within(body, ""), true
}

func within(body, prefix string) (all []member) {
	dec := json.NewDecoder(strings.NewReader(body))
	dec.Token()
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		dec.Decode(&value)
		path := prefix + key.(string)
		if inner := within(string(value), path+"."); value[0] == '{' && len(inner) > 0 {
			all = append(all, inner...)
			continue
		}
		all = append(all, member{path, string(value)})
	}
	return all
}
