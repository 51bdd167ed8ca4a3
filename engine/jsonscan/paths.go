package jsonscan

import "strings"

// paths are names of values in bodies, and how far into them an object that is being read is.
type paths struct {
	names []string
	from  []int // per path, where the part begins that counts in that object
	fold  bool  // names are equal in any case
}

func newPaths(names []string) paths { return paths{names: names, from: make([]int, len(names))} }

// all is the set of all paths.
func (p *paths) all() uint64 { return 1<<len(p.names) - 1 }

// match returns the paths that end at key, and those that lead into it.
func (p *paths) match(key []byte, open uint64) (ends, leads uint64) {
	for i, path := range p.names {
		if open&(1<<i) == 0 {
			continue
		}
		path = path[p.from[i]:]
		switch {
		case len(path) == len(key):
			if p.equal(path, key) {
				ends |= 1 << i
			}
		case len(path) > len(key) && path[len(key)] == '.' && p.equal(path[:len(key)], key):
			leads |= 1 << i
		}
	}
	return ends, leads
}

func (p *paths) descend(set uint64, by int) {
	for i := range p.from {
		if set&(1<<i) != 0 {
			p.from[i] += by
		}
	}
}

// equal compares names of one length.
func (p *paths) equal(name string, key []byte) bool {
	if !p.fold {
		return name == string(key)
	}
	for i := range key {
		a, b := name[i], key[i]
		switch {
		case a >= 0x80 || b >= 0x80:
			return strings.EqualFold(name[i:], string(key[i:]))
		case a == b:
		case a|0x20 != b|0x20 || a|0x20 < 'a' || a|0x20 > 'z':
			return false
		}
	}
	return true
}
