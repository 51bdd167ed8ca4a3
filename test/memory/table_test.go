//go:build memory

package memory

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

var only = flag.String("only", "", "run only cells that have all of these words, such as \"8MiB down\"")

// The whole table. It prints each row when it has it.
func TestTable(t *testing.T) {
	fmt.Println(heading)
	for _, limit := range []int64{32 << 20, 0} {
		for _, body := range []int64{250, 4 << 10, 64 << 10, 1 << 20, 8 << 20, 16 << 20} {
			for _, c := range []cell{{fine, body, limit, "none"}, {held, body, limit, "gzip"}, {fallback, body, limit, "none"}, {dead, body, limit, "none"}, {rare, body, limit, "zstd"}} {
				tableCell(t, c)
			}
		}
	}
	for _, what := range []string{fine, held, fallback, dead} {
		tableCell(t, cell{what, 16 << 20, 8 << 20, "gzip"})
	}
	for _, pack := range []string{"gzip", "zstd"} {
		tableCell(t, cell{fine, 250, 32 << 20, pack})
		tableCell(t, cell{fine, 8 << 20, 32 << 20, pack})
		tableCell(t, cell{fallback, 8 << 20, 32 << 20, pack})
	}
}

func tableCell(t *testing.T, c cell) {
	for word := range strings.FieldsSeq(*only) {
		if !strings.Contains(c.String(), word) {
			return
		}
	}
	t.Run(c.String(), func(t *testing.T) { fmt.Println(c.hold(t)) })
}
