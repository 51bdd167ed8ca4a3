package console

import (
	"io"
	"sync"
)

// screen is the standard error of the process. Log lines, and the one status line below them on a terminal, are written
// through it, so that neither tears the other. Each Write is one or more whole lines.
type Screen struct {
	mu   sync.Mutex
	W    io.Writer
	line string // what stands in the last line at present; "" is nothing
}

// ClearLine goes to the start of the line and erases it.
const ClearLine = "\r\x1b[K"

// Write writes whole lines above the status line. An error of the terminal or pipe is no reason to stop moving logs, so
// whoever writes here may ignore it.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line == "" {
		return s.W.Write(p)
	}
	// One write for all three: a terminal never shows the state between.
	if _, err := io.WriteString(s.W, ClearLine+string(p)+s.line); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Status puts text in the place of the status line; "" takes the line away. The text must fit into one line.
func (s *Screen) Status(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == s.line {
		return
	}
	s.line = text
	_, _ = io.WriteString(s.W, ClearLine+text) // the log goes on without it
}

// Shown is what stands in the status line.
func (s *Screen) Shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.line
}
