package memory

import "testing"

// Memory that is more than what is counted ends with the kernel killing the process, again after each start: nothing flows any more. These are
// cells in which it was, or that are nearest to the bound.
func TestBound(t *testing.T) {
	for _, c := range []cell{
		{fine, 8 << 20, 32 << 20, "none"},
		{held, 8 << 20, 32 << 20, "gzip"},
		{fallback, 16 << 20, 32 << 20, "none"},
		{dead, 1 << 20, 32 << 20, "none"},
		{fine, 16 << 20, 8 << 20, "none"}, // a message that is larger than what may be in flight passes alone
		{rare, 4 << 10, 32 << 20, "none"},
	} {
		t.Run(c.String(), func(t *testing.T) { c.hold(t) })
	}
}

// hold runs a cell and holds it against the bound.
func (c cell) hold(t *testing.T) result {
	t.Helper()
	r := c.run(t)
	t.Logf("peak %d of %d bytes", r.peak, c.bound())
	if r.peak > c.bound() {
		t.Errorf("the peak of the memory is %d bytes, the bound is %d", r.peak, c.bound())
	}
	if r.raised {
		t.Error("collecting garbage took a quarter of the processors: the limit is too near to what is held")
	}
	return r
}
