package jsonappend

import (
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Form says how those values are written for which JSON has no form of its own, or one that does not say
// which kind of value it was. Of nil, bool, int64, valid text and lists there is but one.
type Form struct {
	Uint  func(dst []byte, v uint64) []byte
	Float func(dst []byte, v float64) []byte
	Bytes func(dst []byte, v []byte) []byte
	Text  func(dst []byte, v string) []byte // one that is not UTF-8
	Time  func(dst []byte, v time.Time) []byte

	Table [2]string // what stands around the members of a table: { and }
	// Pairs stands around those of a table with a name that is not UTF-8, each [name,value]. Where it is empty, such a name is
	// written as the function Text does.
	Pairs [2]string
}

// Plain is for readers who want the values, and know what they are: bytes are text.
var Plain = Form{
	Uint:  func(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 10) },
	Float: Float,
	Bytes: func(dst []byte, v []byte) []byte { return Text(dst, string(v)) },
	Text:  Text,
	Time:  Time,
	Table: [2]string{"{", "}"},
}

// deepest is how many tables and lists within each other are written as such; what is deeper is text.
// encoding/json does not read more than 10,000 levels, of which a Form may take two for a table, and one
// header that cannot be read would take all that stands beside it along.
const deepest = 1000

// Value appends a value of the kinds that engine.Meta names. Another becomes text, which is better than nothing at all.
func (f *Form) Value(dst []byte, v any) []byte { return f.value(dst, v, 0) }

// String appends a text as Value does.
func (f *Form) String(dst []byte, s string) []byte { return f.text(dst, s) }

// Members appends a table. Its names are sorted, because the order of a map would make two different texts of one.
func (f *Form) Members(dst []byte, table map[string]any) []byte { return f.table(dst, table, 0) }

func (f *Form) value(dst []byte, v any, depth int) []byte {
	if depth >= deepest {
		return f.text(dst, fmt.Sprint(v))
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return f.Uint(dst, v)
	case float64:
		return f.Float(dst, v)
	case string:
		return f.text(dst, v)
	case []byte:
		return f.Bytes(dst, v)
	case time.Time:
		return f.Time(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			dst = f.value(Comma(dst, i), e, depth+1)
		}
		return append(dst, ']')
	case map[string]any:
		return f.table(dst, v, depth+1)
	}
	return f.text(dst, fmt.Sprint(v))
}

func (f *Form) text(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return f.Text(dst, s)
	}
	return quoted(dst, s)
}

func (f *Form) table(dst []byte, table map[string]any, depth int) []byte {
	var room [16]string
	names, valid := room[:0], true
	for name := range table {
		names = append(names, name)
		valid = valid && utf8.ValidString(name)
	}
	slices.Sort(names)
	if !valid && f.Pairs[0] != "" {
		return f.pairs(dst, names, table, depth)
	}
	dst = append(dst, f.Table[0]...)
	for i, name := range names {
		dst = Text(Comma(dst, i), name)
		dst = f.value(append(dst, ':'), table[name], depth)
	}
	return append(dst, f.Table[1]...)
}

func (f *Form) pairs(dst []byte, names []string, table map[string]any, depth int) []byte {
	dst = append(dst, f.Pairs[0]...)
	for i, name := range names {
		dst = append(Comma(dst, i), '[')
		dst = f.text(dst, name)
		dst = f.value(append(dst, ','), table[name], depth)
		dst = append(dst, ']')
	}
	return append(dst, f.Pairs[1]...)
}
