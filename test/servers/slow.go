package servers

import (
	"fmt"
	"os/exec"
	"time"
)

// runSlow runs a command that may take minutes, says so, and goes on saying so.
// The error holds the end of what the command printed.
func runSlow(o Options, what string, cmd *exec.Cmd) error {
	o.logf("%s …", what)
	began := time.Now()
	out, done := &tailBuffer{}, make(chan error, 1)
	cmd.Stdout, cmd.Stderr = out, out
	// A cancelled command's children may hold its output open a little longer.
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				return fmt.Errorf("%w; it said:\n%s", err, out.text)
			}
			o.logf("%s took %s", what, time.Since(began).Round(time.Second))
			return nil
		case <-tick.C:
			o.logf("%s … %s", what, time.Since(began).Round(time.Second))
		}
	}
}

// tailBuffer keeps the end of what is written to it. It is read after the
// writer has ended.
type tailBuffer struct{ text []byte }

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - 2000; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}
