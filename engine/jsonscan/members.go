package jsonscan

// Members finds where in bodies the members of paths stand, for those who change them. It is not safe for concurrent use.
type Members struct {
	paths
	found []Member
	buf   []byte // the last name whose escapes were resolved
	scan  scanner
}

// Member is one member of an object: its name and its value.
type Member struct {
	Value Span
	// Cut is the member with the comma that goes with it. Without the cuts of all members that were found the body is still JSON.
	Cut Span
}

// NewMembers looks for the members of paths, at most MaxPaths of them. A path is as in NewFields, and an array on its way stands for each of
// its elements: "a.b" is also each "b" in {"a":[{"b":1},{"b":2}]}, and in [{"a":{"b":3}}].
func NewMembers(paths ...string) *Members {
	return &Members{paths: newPaths(paths)}
}

// NewMembersFold is NewMembers, but that the case of letters does not count.
func NewMembersFold(paths ...string) *Members {
	m := NewMembers(paths...)
	m.fold = true
	return m
}

// Find returns every member that a path leads to, whatever its value is, in the order of data, which Check must have accepted. A name that is
// there twice is found twice. What is inside the value of a member is not looked for again. The slice holds until the next Find.
func (m *Members) Find(data []byte) []Member {
	m.found = m.found[:0]
	m.scan.data = data
	if len(m.names) > 0 {
		m.inside(Mark(data), m.all())
	}
	return m.found
}

// inside looks into the value behind i, and returns where it ends; -1 when there is nothing more to read. Arrays in arrays are no calls, and
// objects are as many as a path has parts: so a deep body needs no deep stack.
func (m *Members) inside(i int, open uint64) int {
	for depth := 0; ; {
		var c byte
		switch c, i = m.scan.next(i); c {
		case '[':
			depth++
			i++
		case ']':
			depth--
			i++
		case ',':
			i++
			continue
		case '{':
			i = m.object(i, open)
		default:
			i = m.scan.scalar(c, i)
		}
		if i < 0 || depth == 0 {
			return i
		}
	}
}

// object looks for the paths in the set open in the object at i.
func (m *Members) object(i int, open uint64) int {
	s := &m.scan
	kept := false // a member before this one stays: the comma between them goes with this one
	last := i + 1 // where the member before ended
	c, i := s.next(i + 1)
	if c == '}' {
		return i + 1
	}
	for c == '"' {
		start := i
		var value int
		var hit bool
		if value, i, hit = m.member(i, open); i < 0 {
			return -1
		}
		if hit {
			cut := Span{start, i}
			if kept {
				cut.From = last
			}
			m.found = append(m.found, Member{Value: Span{value, i}, Cut: cut})
		}
		kept = kept || !hit
		last = i
		if c, i = s.next(i); c != ',' {
			break
		}
		if c, i = s.next(i + 1); !kept {
			m.found[len(m.found)-1].Cut.To = i
		}
	}
	if c != '}' {
		return -1
	}
	return i + 1
}

// member reads the member whose name begins at i, and returns where its value begins and ends, and whether a path ends at it.
func (m *Members) member(i int, open uint64) (value, end int, hit bool) {
	end, escaped := m.scan.str(i)
	if end < 0 {
		return 0, -1, false
	}
	key := m.scan.data[i+1 : end-1]
	if escaped {
		m.buf = unescape(m.buf[:0], key)
		key = m.buf
	}
	c, i := m.scan.next(end)
	if c != ':' {
		return 0, -1, false
	}
	c, i = m.scan.next(i + 1)
	ends, leads := m.match(key, open)
	switch {
	case ends == 0 && leads != 0:
		m.descend(leads, len(key)+1)
		end = m.inside(i, leads)
		m.descend(leads, -len(key)-1)
	case c == '{' || c == '[':
		end = m.scan.skip(i)
	default:
		end = m.scan.scalar(c, i)
	}
	return i, end, ends != 0
}
