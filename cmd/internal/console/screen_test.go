package console

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A log line takes the place of the status line, which is drawn again below it.
func TestScreenKeepsStatusBelowLogLines(t *testing.T) {
	var out bytes.Buffer
	s := &Screen{W: &out}
	io.WriteString(s, "first\n")
	s.Status("10 messages")
	s.Status("10 messages") // nothing changed: nothing is drawn
	io.WriteString(s, "second\n")
	s.Status("")
	io.WriteString(s, "third\n")
	want := "first\n" +
		ClearLine + "10 messages" +
		ClearLine + "second\n" + "10 messages" +
		ClearLine +
		"third\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// The lines of many goroutines are never torn by the status line.
func TestScreenIsSafeForMany(t *testing.T) {
	var out bytes.Buffer
	s := &Screen{W: &out}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				io.WriteString(s, "a line\n")
				s.Status("status")
			}
		})
	}
	wg.Wait()
	s.Status("")
	text := strings.ReplaceAll(strings.ReplaceAll(out.String(), ClearLine, ""), "status", "")
	if diff := cmp.Diff(strings.Repeat("a line\n", 400), text); diff != "" {
		t.Error(diff)
	}
}
