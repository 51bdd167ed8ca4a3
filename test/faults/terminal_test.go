package faults

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/test/world"
)

// poison is what must not reach a terminal as it is: it would clear the screen, set the title, turn the text round, or write a line that
// looks like one of logpipe's own.
const poison = "poison\x1b[2J\x1b]0;title\a\u009b31m\u202e\x7f\r\nFORGED"

// obeyed fails the test where a text has something of it. The newline of a terminal is CR LF.
func obeyed(t *testing.T, where, text string) {
	t.Helper()
	for _, bad := range []string{"\x1b[2J", "\x1b]", "\a", "\u009b", "\u202e", "\x7f", "\nFORGED", "\rFORGED"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s has %q:\n%q", where, bad, text)
		}
	}
}

// poisoned is a pipeline that says a lot of what it is given: of names in its file, and of messages that it cannot store.
const poisoned = `
pipeline "poisoned" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "log_queue"
    declare = "%s"
  }
  processor "json" {}
  processor "batch" {
    age          = "500ms"
    partition_by = ["source", "@routing_key"]
  }
  output "%s" {
    %s
  }
  dead_letter "stdout" {}
}
`

// Whatever stands in data, headers, queue names and variables: a log in text or JSON, on a terminal or not, has it escaped, and so have
// mistakes and the output stdout on a terminal.
func TestNoEscapeCodeReachesATerminal(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		env    []string
		want   string // is printed, so that the test is about something
	}{
		"messages and dead letters": {fmt.Sprintf(poisoned, "auto", "stdout", ""), nil, "poison"},
		"a queue's name":            {strings.Replace(fmt.Sprintf(poisoned, "never", "stdout", ""), `"log_queue"`, `env("POISON")`, 1), nil, "poison"},
		"a file's name":             {fmt.Sprintf(poisoned, "auto", "file", `path = "/proc/none/${env("POISON")}"`), nil, "output fails"},
		"a bucket's name":           {fmt.Sprintf(poisoned, "auto", "s3", `bucket = env("POISON")`+"\n"+`key = "${batch.id}"`), nil, "poison"},
		"a region":                  {edited(t), []string{"AWS_REGION=" + poison}, "poison"},
		"a number":                  {edited(t), []string{"BATCH_SIZE=" + poison}, "poison"},
		"a host":                    {edited(t), []string{"RABBITMQ_URL=", "RABBITMQ_HOST=" + poison}, "poison"},
		"a word of the file":        {"pipeline \"" + poison + "\" {}\n\x1b[2J\a", nil, "rror"}, // Error in a text, error in a line of JSON
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, flags := range [][]string{{"--log-format", "text", "-v"}, {"--log-format", "json", "-v"}} {
				for _, terminal := range []bool{true, false} {
					if !terminal && strings.HasPrefix(name, "messages") {
						continue // pipes and files get them byte for byte
					}
					w := world.New(t)
					cmd := w.Command(append(w.Env("RETRY_LIMIT=1", "NO_COLOR=1", "TERM=xterm", "POISON="+poison), c.env...), append([]string{w.Config(c.config)}, flags...)...)
					printed := cmd.Printed
					if terminal {
						printed = onTerminal(t, cmd.Cmd)
					}
					publishPoison(w)
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					w.Until("it prints "+c.want, func() bool { return strings.Contains(printed(), c.want) })
					ended := make(chan struct{})
					go func() {
						_ = cmd.Wait() // what it answers is not the question here
						close(ended)
					}()
					for n := range 2 { // the second ends it at once; it may have ended by itself before
						_ = cmd.Process.Signal(syscall.SIGINT)
						w.Until("it drains or has ended", func() bool { return n > 0 || strings.Contains(printed(), "draining") || isClosed(ended) })
					}
					<-ended
					obeyed(t, fmt.Sprintf("%v, terminal %v", flags[1], terminal), printed())
				}
			}
		})
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// publishPoison fills the queue with messages whose body, source, key, id and headers are poison.
func publishPoison(w *world.World) {
	w.TB.Helper()
	ch := channel(w)
	if _, err := ch.QueueDeclare("log_queue", true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		w.TB.Fatal(err)
	}
	if err := ch.ExchangeDeclare("poison", "fanout", true, false, false, false, nil); err != nil {
		w.TB.Fatal(err)
	}
	if err := ch.QueueBind("log_queue", "", "poison", false, nil); err != nil {
		w.TB.Fatal(err)
	}
	for _, body := range []string{poison, "\"poison\u009b31m\u202e\x7f\"", "{\"source\":\"poison\u009b31m\\u001b[2J\"}"} {
		m := amqp.Publishing{Body: []byte(body), MessageId: poison, Headers: amqp.Table{"poison\x1b[2J\n": poison, "x-logpipe-error": poison}, DeliveryMode: amqp.Persistent}
		c, err := ch.PublishWithDeferredConfirmWithContext(w.TB.Context(), "poison", poison, true, false, m)
		if err != nil {
			w.TB.Fatal(err)
		}
		if ok, err := c.WaitContext(w.TB.Context()); err != nil || !ok {
			w.TB.Fatalf("the broker did not take the message: %v", err)
		}
	}
}

// onTerminal gives a command a terminal of its own, and returns what tells all that was written to it.
func onTerminal(t *testing.T, cmd *exec.Cmd) func() string {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = tty, tty
	var mu sync.Mutex
	var text strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := screen.Read(buf)
			mu.Lock()
			text.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return // all who write to the terminal have closed it
			}
		}
	})
	t.Cleanup(func() {
		tty.Close()
		reading.Wait()
		screen.Close()
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
}
