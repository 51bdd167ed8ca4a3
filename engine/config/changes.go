package config

import "slices"

// Change is one value that differs between a pipeline that runs and the one that shall take its place.
type Change struct {
	Block  string  `json:"block"`
	Attr   string  `json:"attr"`
	Old    *string `json:"old"` // nil: it was not there, or it is not to be shown
	New    *string `json:"new"` // likewise
	Hidden bool    `json:"hidden,omitempty"`
}

// Restart is a pipeline that stays in name only.
type Restart struct {
	Name    string   `json:"name"`
	Changes []Change `json:"changes"`
}

// Plan is what has to be done so that other pipelines run than now. A pipeline with a new name is one that starts, and the old one stops.
type Plan struct {
	Restarts []Restart `json:"restarts"`
	Starts   []string  `json:"starts"`
	Stops    []string  `json:"stops"`
	Stays    []string  `json:"stays"`
}

// Empty reports whether all stays as it is.
func (p Plan) Empty() bool { return len(p.Restarts)+len(p.Starts)+len(p.Stops) == 0 }

// Compare plans the way from the pipelines that run to the next ones. Their order in the files does not count.
func Compare(running, next []Evaluated) Plan {
	p := Plan{Restarts: []Restart{}, Starts: []string{}, Stops: []string{}, Stays: []string{}}
	for _, n := range next {
		i := slices.IndexFunc(running, func(r Evaluated) bool { return r.Name == n.Name })
		if i < 0 {
			p.Starts = append(p.Starts, n.Name)
			continue
		}
		if changes := running[i].changes(n); len(changes) > 0 {
			p.Restarts = append(p.Restarts, Restart{n.Name, changes})
		} else {
			p.Stays = append(p.Stays, n.Name)
		}
	}
	for _, r := range running {
		if !slices.ContainsFunc(next, func(n Evaluated) bool { return r.Name == n.Name }) {
			p.Stops = append(p.Stops, r.Name)
		}
	}
	return p
}

func (e Evaluated) changes(to Evaluated) []Change {
	var all []Change
	for _, old := range e.Values {
		next := to.find(old)
		if next == nil || *next != old {
			all = append(all, changed(&old, next))
		}
	}
	for _, next := range to.Values {
		if e.find(next) == nil {
			all = append(all, changed(nil, &next))
		}
	}
	return all
}

func (e Evaluated) find(like Setting) *Setting {
	for i, s := range e.Values {
		if s.Block == like.Block && s.Attr == like.Attr {
			return &e.Values[i]
		}
	}
	return nil
}

func changed(old, next *Setting) Change {
	c := Change{}
	show := func(s *Setting) *string {
		if s == nil {
			return nil
		}
		c.Block, c.Attr = s.Block, s.Attr
		if s.Hidden {
			c.Hidden = true
			return nil
		}
		return &s.Text
	}
	c.Old, c.New = show(old), show(next)
	return c
}
