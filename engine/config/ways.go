package config

import (
	"slices"

	"github.com/logpipe/logpipe/engine"
)

// way is the blocks that a message passes to one output, with what takes over there: all blocks of a pipeline, or with branches those before
// the branches and those of one branch.
type way []*Block

// ways are as many as there are outputs.
func (p *Pipeline) ways() []way {
	if len(p.Branches) == 0 {
		return []way{p.way(0)}
	}
	var all []way
	for i := range p.Branches {
		all = append(all, p.way(i+1))
	}
	return all
}

// all are the blocks of the pipeline, whichever way they are on.
func (p *Pipeline) all() (w way) {
	for i := range p.Blocks {
		w = append(w, &p.Blocks[i])
	}
	return w
}

// way is the one to a branch; 0 is the way of a pipeline without branches.
func (p *Pipeline) way(branch int) way {
	var w way
	dead := p.deadLetter(branch)
	for i := range p.Blocks {
		b := &p.Blocks[i]
		common := b.branch == 0 && slices.Contains([]engine.Role{engine.RoleInput, engine.RoleProcessor}, b.Role)
		if b.branch == branch || common || b == dead {
			w = append(w, b)
		}
	}
	return w
}

// deadLetter takes what is rejected in a branch, with 0 what is rejected beside them; nil when nothing does.
func (p *Pipeline) deadLetter(branch int) *Block {
	for _, at := range []int{branch, 0} {
		for i := range p.Blocks {
			if b := &p.Blocks[i]; b.Role == engine.RoleDeadLetter && b.branch == at {
				return b
			}
		}
	}
	return nil
}

// branch is the number of the branch that the way leads to; 0 is none.
func (w way) branch() int {
	n := 0
	for _, b := range w {
		n = max(n, b.branch)
	}
	return n
}

// of returns the blocks of a role that know the attributes.
func (w way) of(role engine.Role, attrs ...string) []*Block {
	var found []*Block
	for _, b := range w {
		if b.Role == role && b.knows(attrs...) {
			found = append(found, b)
		}
	}
	return found
}

// in returns the blocks of a role.
func (w way) in(role engine.Role) (found []*Block) {
	for _, b := range w {
		if b.Role == role {
			found = append(found, b)
		}
	}
	return found
}

func (w way) count(role engine.Role) int {
	n := 0
	for _, b := range w {
		if b.Role == role {
			n++
		}
	}
	return n
}
