package jsonscan

// paths are names of values in bodies, and how far into them an object that is being read is.
type paths struct {
	names []string
	from  []int // per path, where the part begins that counts in that object
}

func newPaths(names []string) paths { return paths{names, make([]int, len(names))} }

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
			if path == string(key) {
				ends |= 1 << i
			}
		case len(path) > len(key) && path[len(key)] == '.' && path[:len(key)] == string(key):
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
