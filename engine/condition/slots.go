package condition

import (
	"fmt"
	"reflect"
	"time"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

var boolKind = reflect.Bool

const maxFields = jsonscan.MaxPaths

// slotKind is what of a message a slot holds.
type slotKind uint8

const (
	slotField slotKind = iota + 1
	slotHas
	slotBody
	slotSize
	slotID
	slotRoutingKey
	slotHeaders
	slotHeader
	slotTime
)

// attributes are what a message has beside its record.
var attributes = map[string]slotKind{
	"body": slotBody, "size": slotSize, "id": slotID, "routing_key": slotRoutingKey, "headers": slotHeaders, "time": slotTime,
}

func attributeNames() []string {
	return []string{"body", "headers", "id", "routing_key", "size", "time"}
}

// zero has a value of the type that a slot is always of.
var zero = map[slotKind]any{slotHas: false, slotBody: "", slotSize: 0, slotID: "", slotRoutingKey: "", slotHeaders: map[string]any{}, slotTime: time.Time{}}

// slot is one thing that a condition reads of a message.
type slot struct {
	kind slotKind
	path string // of a field; the name of a header
	name string // of the variable, which nobody can write
	at   int    // of a field: its place among the fields
}

// slots are all that a condition reads.
type slots struct {
	list  []slot
	paths []string // of fields, each once
	index map[string]bool
}

// add returns the name of the variable that holds s. It is false when there are too many fields.
func (s *slots) add(n slot) (name string, ok bool) {
	n.name = fmt.Sprintf("@%d %s", n.kind, n.path)
	if s.index[n.name] {
		return n.name, true
	}
	if n.kind == slotField || n.kind == slotHas {
		n.at = s.place(n.path)
	}
	s.index[n.name] = true
	s.list = append(s.list, n)
	return n.name, len(s.paths) <= maxFields
}

func (s *slots) place(path string) int {
	for i, p := range s.paths {
		if p == path {
			return i
		}
	}
	s.paths = append(s.paths, path)
	return len(s.paths) - 1
}

// types tells the library the variables, with the types of those that always have the same.
func (s *slots) types() map[string]any {
	types := map[string]any{}
	for _, n := range s.list {
		if v, is := zero[n.kind]; is {
			types[n.name] = v
		}
	}
	return types
}
