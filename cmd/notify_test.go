package cmd

import (
	"fmt"
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A manager that is not told that the process is ready kills it at the end of its patience, and logs wait meanwhile.
func TestServiceManagerIsTold(t *testing.T) {
	for kind, name := range map[string]string{
		"a path": filepath.Join(t.TempDir(), "notify"), "abstract": fmt.Sprintf("@logpipe-test-%d", time.Now().UnixNano()),
	} {
		t.Run(kind, func(t *testing.T) {
			l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := l.SetReadDeadline(time.Now().Add(deadline)); err != nil {
				t.Fatal(err)
			}
			await := func(want string) string {
				t.Helper()
				for buf := make([]byte, 4096); ; {
					n, err := l.Read(buf)
					if err != nil {
						t.Fatalf("%s never came: %v", want, err)
					}
					if text := string(buf[:n]); strings.Contains("\n"+text+"\n", "\n"+want) {
						return text
					}
				}
			}
			file := write(t, "a.hcl", staying("a", filepath.Join(t.TempDir(), "stored"), 1))
			p := start(t, func(c *exec.Cmd) { c.Env = append(c.Env, "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=20000") }, "run", "--admin", "", file)
			await("READY=1\n")
			await("WATCHDOG=1\n")
			p.signal(syscall.SIGHUP)
			if text := await("RELOADING=1\n"); !strings.Contains(text, "MONOTONIC_USEC=") {
				t.Errorf("a reload without its time: %q", text)
			}
			await("READY=1\n")
			p.signal(syscall.SIGTERM)
			await("STOPPING=1\n")
			if code := p.exit(); code != cli.ExitOK {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
