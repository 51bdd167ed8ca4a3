package cmd

import (
	"io"
	"sync"
)

// screen is the standard error of the process. Log lines, and the one status line below them on a terminal, are written
// through it, so that neither tears the other. Each Write is one or more whole lines.
type screen struct {
	mu     sync.Mutex
	w      io.Writer
	status string // what stands in the last line at present; "" is nothing
}

// clearLine goes to the start of the line and erases it.
const clearLine = "\r\x1b[K"

// Write writes whole lines above the status line. An error of the terminal or pipe is no reason to stop moving logs, so
// whoever writes here may ignore it.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == "" {
		return s.w.Write(p)
	}
	// One write for all three: a terminal never shows the state between.
	if _, err := io.WriteString(s.w, clearLine+string(p)+s.status); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Status puts text in the place of the status line; "" takes the line away. The text must fit into one line.
func (s *screen) Status(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == s.status {
		return
	}
	s.status = text
	_, _ = io.WriteString(s.w, clearLine+text) // the log goes on without it
}
