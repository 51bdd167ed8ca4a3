package memory

import (
	"fmt"
	"os"
	"testing"
)

// Memory that is more than what is counted ends with the kernel killing the process, again with each start: nothing flows any more.
func TestBound(t *testing.T) {
	for _, c := range []cell{
		{what: fine, body: 250, limit: 32 << 20, pack: "none"},
		{what: fine, body: 8 << 20, limit: 32 << 20, pack: "none"},
		{what: held, body: 8 << 20, limit: 32 << 20, pack: "gzip"},
		{what: fallback, body: 16 << 20, limit: 32 << 20, pack: "none"},
		{what: dead, body: 1 << 20, limit: 32 << 20, pack: "none"},
		{what: fine, body: 16 << 20, limit: 8 << 20, pack: "none"},
		{what: rare, body: 4 << 10, limit: 32 << 20, pack: "none"},
	} {
		t.Run(c.String(), func(t *testing.T) {
			r := c.run(t)
			fmt.Fprintln(os.Stderr, r, r.took)
			if r.peak > r.bound() {
				t.Errorf("the peak is %d bytes, the bound is %d", r.peak, r.bound())
			}
		})
	}
}
