package jsonscan

// Place is where a value stands in a body: data[Start:End], a string with its quotes. End is 0 when it is not there.
type Place struct{ Start, End int }

// Places finds where the values of paths stand in bodies. It is not safe for concurrent use.
type Places struct {
	paths
	found []Place
	each  func(path int, at Place) // nil but in Each
	buf   []byte                   // the last key whose escapes were resolved
	scan  scanner
}

// NewPlaces looks for the values of paths, at most MaxPaths of them, written as for NewFields.
func NewPlaces(paths ...string) *Places {
	return &Places{paths: newPaths(paths), found: make([]Place, len(paths))}
}

// Find returns where the value of each path stands in data, in the order of the paths, whatever its kind. Where a path is there more
// than once, the last one counts, as it does for most readers of JSON. The slice holds until the next Find.
//
// It reads all of data and is false if that is no object. Strings, numbers and the literals outside of arrays and objects that no path leads into
// are checked, of the others only the strings and brackets: where validity counts, Check tells.
func (f *Places) Find(data []byte) (places []Place, object bool) {
	clear(f.found)
	s := &f.scan
	s.data, s.err = data, nil
	c, i := s.first()
	if c == '{' {
		i = f.object(i, f.all())
	}
	if c != '{' || i < 0 {
		return f.found, false
	}
	_, i = s.next(i)
	return f.found, i == len(data)
}

// Each calls yield for each value that a path has in data, also where one is there more than once, in the order in which the values end. It is false
// where Find is.
func (f *Places) Each(data []byte, yield func(path int, at Place)) (object bool) {
	f.each = yield
	_, object = f.Find(data)
	f.each = nil
	return object
}

// object reads the object at i, looking for the paths in the set open, and returns where it ends, -1 when it is wrong. It is called within
// itself at most as often as a path has parts.
func (f *Places) object(i int, open uint64) int {
	s := &f.scan
	c, i := s.next(i + 1)
	if c == '}' {
		return i + 1
	}
	for c == '"' {
		from := i + 1
		end, escaped := s.str(i)
		if end < 0 {
			return -1
		}
		key := s.data[from : end-1]
		if escaped {
			f.buf = unescape(f.buf[:0], key)
			key = f.buf
		}
		if c, i = s.next(end); c != ':' {
			return -1
		}
		if i = f.member(key, i+1, open); i < 0 {
			return -1
		}
		switch c, i = s.next(i); c {
		case ',':
			c, i = s.next(i + 1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
	return -1
}

// member reads the value of key, which is behind i.
func (f *Places) member(key []byte, i int, open uint64) int {
	ends, leads := f.match(key, open)
	length := len(key) + 1 // a key further in may take its place in buf
	c, start := f.scan.next(i)
	var end int
	switch {
	case c == '{' && leads != 0:
		f.descend(leads, length)
		end = f.object(start, leads)
		f.descend(leads, -length)
	case c == '{' || c == '[':
		end = f.scan.skip(start)
	default:
		end = f.scan.scalar(c, start)
	}
	if ends != 0 && end >= 0 {
		for i := range f.names {
			if ends&(1<<i) != 0 {
				f.found[i] = Place{start, end}
				if f.each != nil {
					f.each(i, f.found[i])
				}
			}
		}
	}
	return end
}
