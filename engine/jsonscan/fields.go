package jsonscan

// MaxPaths is how many paths one Fields can look for.
const MaxPaths = 64

// Kind is what a Value was in JSON.
type Kind uint8

// The kinds of values.
const (
	Missing Kind = iota // not there, or null, an array or an object
	String
	Number
	Bool
)

// Value is one value of a body.
type Value struct {
	Kind Kind
	// Text is a string without quotes and escapes, or a number, true or false as written. It is a part of the body or of
	// the Fields that found it, and holds until the next Find.
	Text []byte
}

// Fields finds the values of paths in bodies. It is not safe for concurrent use.
type Fields struct {
	paths
	values []Value
	left   int    // paths without a value
	buf    []byte // strings whose escapes were resolved
	scan   scanner
}

// NewFields looks for the values of paths, at most MaxPaths of them. A path names a key of the body's object or, with dots,
// of the objects in it: "a.b" is "b" in the object "a", and also a key that is written "a.b" itself.
func NewFields(paths ...string) *Fields {
	return &Fields{paths: newPaths(paths), values: make([]Value, len(paths))}
}

// Find returns the value of each path in data, in the order of the paths. Where a path is there more than once, the first
// string, number, true or false counts: so Find reads on only until it has all of them, and does not validate what
// it passes over. Of a body that is not JSON it returns what stands before the mistake. The slice holds until the next Find.
func (f *Fields) Find(data []byte) []Value {
	clear(f.values)
	f.buf, f.left = f.buf[:0], len(f.names)
	f.scan.data, f.scan.err = data, nil
	if c, i := f.scan.first(); c == '{' && len(f.names) > 0 {
		f.object(i, f.all())
	}
	return f.values
}

// object reads the object at i, looking for the paths in the set open, and returns those that it did not find, and where the object
// ends: -1 when there is nothing more to read.
func (f *Fields) object(i int, open uint64) (rest uint64, end int) {
	s := &f.scan
	c, i := s.next(i + 1)
	if c == '}' {
		return open, i + 1
	}
	for c == '"' {
		from := i + 1
		end, escaped := s.str(i)
		if i = end; i < 0 {
			return open, -1
		}
		key := s.data[from : end-1]
		if escaped {
			key = f.unescape(key)
		}
		if c, i = s.next(i); c != ':' {
			return open, -1
		}
		if open, i = f.member(key, i+1, open); i < 0 || f.left == 0 {
			return open, -1
		}
		switch c, i = s.next(i); c {
		case ',':
			c, i = s.next(i + 1)
		case '}':
			return open, i + 1
		default:
			return open, -1
		}
	}
	return open, -1
}

// member reads the value of key, which is behind i.
func (f *Fields) member(key []byte, i int, open uint64) (rest uint64, end int) {
	ends, leads := f.match(key, open)
	c, i := f.scan.next(i)
	switch {
	case c == '{' && leads != 0:
		f.descend(leads, len(key)+1)
		rest, end = f.object(i, leads)
		f.descend(leads, -len(key)-1)
		return open&^leads | rest, end
	case c == '{' || c == '[':
		return open, f.scan.skip(i)
	case ends == 0:
		return open, f.scan.scalar(c, i)
	}
	v, end := f.value(c, i)
	if end < 0 || v.Kind == Missing {
		return open, end
	}
	for i := range f.names {
		if ends&(1<<i) != 0 {
			f.values[i] = v
			f.left--
		}
	}
	return open &^ ends, end
}

// value reads the scalar at i, which begins with c.
func (f *Fields) value(c byte, i int) (Value, int) {
	s := &f.scan
	if c == '"' {
		end, escaped := s.str(i)
		if end < 0 {
			return Value{}, -1
		}
		text := s.data[i+1 : end-1]
		if escaped {
			text = f.unescape(text)
		}
		return Value{String, text}, end
	}
	end := s.scalar(c, i)
	if end < 0 || c == 'n' {
		return Value{}, end
	}
	v := Value{Number, s.data[i:end]}
	if c == 't' || c == 'f' {
		v.Kind = Bool
	}
	return v, end
}

// skip passes over the array or object at i without a look at its grammar.
func (s *scanner) skip(i int) int {
	for depth := 0; i < len(s.data); {
		switch s.data[i] {
		case '"':
			if i, _ = s.str(i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if i++; depth == 0 {
			return i
		}
	}
	return -1
}

// unescape resolves the escapes of raw, which str has checked.
func (f *Fields) unescape(raw []byte) []byte {
	from := len(f.buf)
	f.buf = unescape(f.buf, raw)
	return f.buf[from:len(f.buf):len(f.buf)]
}
