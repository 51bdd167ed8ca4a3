package rabbitmq

import "slices"

// Compact gives messages memory of their own, and returns the list, where what the list holds of its blocks is too little. A message that is held
// keeps the whole block that it is a part of, and the others of that block can be let go long before.
//
// The list must be in the order in which it came. One of a block and more stays as it is: it covers most of its blocks, so what is counted is
// what is held within a factor of two. That is how it comes while much comes, and then nothing is copied.
func Compact(list []Incoming) []Incoming {
	if len(list) < cap(list)/2 {
		list = slices.Clip(slices.Clone(list))
	}
	size, held := 0, 0
	for i := range list {
		if m := &list[i]; m.part() {
			size += len(m.Body) + len(m.Meta.raw)
			held += m.Size
		}
	}
	if size == 0 || held >= blockSize {
		return list
	}
	own := make([]byte, 0, size)
	move := func(b *[]byte) {
		if len(*b) == 0 {
			return
		}
		start := len(own)
		own = append(own, *b...)
		*b = own[start:len(own):len(own)]
	}
	for i := range list {
		if m := &list[i]; m.part() {
			move(&m.Body)
			move(&m.Meta.raw)
			m.own = true
		}
	}
	return list
}

// part reports whether the message is less than half of a block that it shares.
func (m *Incoming) part() bool { return !m.own && m.Size < blockSize/2 }
