package session

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/run"
	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/internal/clip"
)

// notifier tells the service manager that started the process how it is, by the protocol of sd_notify(3). Without one it does nothing.
// It is a line of text to a socket, so no library is needed for it.
type notifier struct {
	socket   string        // "" is no manager
	watchdog time.Duration // 0 is none
}

// newNotifier reads what the manager set for this process.
func newNotifier(lookup func(string) (string, bool)) notifier {
	if lookup == nil {
		return notifier{}
	}
	var n notifier
	n.socket, _ = lookup("NOTIFY_SOCKET")
	text, _ := lookup("WATCHDOG_USEC")
	pid, _ := lookup("WATCHDOG_PID")
	if usec, err := strconv.ParseInt(text, 10, 64); err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n
}

// send tells the manager some VAR=VALUE. That it does not listen must not hurt the logs.
func (n notifier) send(state ...string) {
	if n.socket == "" {
		return
	}
	name := n.socket
	if name[0] == '@' { // an abstract socket
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte(strings.Join(state, "\n"))) // see statusOf: no state has a line feed in it
}

func (n notifier) ready(status string)    { n.send("READY=1", statusOf(status)) }
func (n notifier) stopping(status string) { n.send("STOPPING=1", statusOf(status)) }

// statusMost is what a status may have: it is one line on a terminal.
const statusMost = 400

// statusOf is what systemctl status shows. It is one line: another would be a variable of the protocol, and a name in a configuration may hold one.
func statusOf(text string) string {
	return "STATUS=" + clip.To(console.Escape(text), statusMost)
}

// reloading says so with the time, by which the manager tells this reload from one before.
func (n notifier) reloading() {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return
	}
	n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000), "STATUS=reloading")
}

// addWatchdog tells the manager twice in its time that the process lives.
func (s *session) addWatchdog(group *run.Group) {
	if s.notify.socket == "" || s.notify.watchdog <= 0 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	group.Add(func() error {
		ticker := time.NewTicker(s.notify.watchdog / 2)
		defer ticker.Stop()
		for {
			s.notify.send("WATCHDOG=1")
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
		}
	}, func(error) { stop() })
}
