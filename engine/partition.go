package engine

import (
	"iter"
	"net/url"
	"strings"
)

// JoinPartition writes the partition of a batch as text: "name=value" pairs joined by "/", in the order given, both sides
// escaped as in a URL path, so that neither "/" nor "=" of a value can be mistaken. len(names) must equal len(values).
func JoinPartition(names, values []string) string {
	var s strings.Builder
	for i, name := range names {
		if i > 0 {
			s.WriteByte('/')
		}
		s.WriteString(escape(name))
		s.WriteByte('=')
		s.WriteString(escape(values[i]))
	}
	return s.String()
}

// PartitionFields reads a text that JoinPartition wrote. A part that is not of that form comes with the name "".
func PartitionFields(partition string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		if partition == "" {
			return
		}
		for part := range strings.SplitSeq(partition, "/") {
			name, value, ok := strings.Cut(part, "=")
			if !ok {
				name, value = "", part
			}
			if !yield(unescape(name), unescape(value)) {
				return
			}
		}
	}
}

func escape(s string) string {
	return strings.ReplaceAll(url.PathEscape(s), "=", "%3D")
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}
