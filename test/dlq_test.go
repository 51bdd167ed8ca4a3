package test

import (
	"bytes"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/plugins"
	"github.com/logpipe/logpipe/test/world"
)

// said is what a command line left behind.
type said struct {
	code     int
	out, err string
}

// command runs a command line in this process against the world's broker. What is answered counts as typed at a terminal.
func command(w *world.World, answer string, args ...string) said {
	w.TB.Helper()
	var out, err bytes.Buffer
	code := cmd.Run(w.TB.Context(), args, cmd.Streams{
		In: strings.NewReader(answer), Out: &out, Err: &err, InTerminal: answer != "",
		LookupEnv: func(name string) (string, bool) { return w.URL, name == "RABBITMQ_URL" },
	}, plugins.All...)
	return said{code, out.String(), err.String()}
}

// succeeds wants exit code 0 and returns standard output.
func succeeds(w *world.World, args ...string) string {
	w.TB.Helper()
	got := command(w, "", args...)
	if got.code != 0 {
		w.TB.Fatalf("logpipe %v ended with exit code %d\n%s%s", args, got.code, got.out, got.err)
	}
	return got.out
}

func check(w *world.World, err error) {
	w.TB.Helper()
	if err != nil {
		w.TB.Fatal(err)
	}
}

// The way of somebody who finds dead letters: what are they, try them again, put them aside. None may get lost on it.
func TestDeadLettersAndTheWayBack(t *testing.T) {
	w := world.New(t)
	const n, bad = 2_000, 100
	p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
	w.Says(p, "input is open")
	w.Produce(n, "INVALID_EVERY=20")
	w.Until("the dead letters are there", func() bool { return w.HasQueue("log_dlq") && w.Depth("log_dlq") == bad })

	list := func(args ...string) (l struct {
		Messages, Seen int
		Complete       bool
		Groups         []struct {
			Reason, Pipeline, Queue, Oldest string
			Messages                        int
		}
	}) {
		check(w, json.Unmarshal([]byte(succeeds(w, append([]string{"dlq", "list", "--json"}, args...)...)), &l))
		return l
	}
	// Broker and queue come from the file, whose S3_BUCKET is not set here.
	l := list("--config", "../pipeline.hcl")
	if l.Messages != bad || l.Seen != bad || !l.Complete || len(l.Groups) != 1 {
		t.Fatalf("%+v", l)
	}
	if g := l.Groups[0]; g.Reason == "" || g.Pipeline != "logs" || g.Queue != "log_queue" || g.Messages != bad || g.Oldest == "" {
		t.Errorf("%+v", g)
	}
	if l := list("log_dlq", "--max", "10"); l.Messages != bad || l.Seen != 10 || l.Complete {
		t.Errorf("%+v", l)
	}

	// They are not repaired, so each goes its way once more and is back; the command ends nevertheless.
	if out := succeeds(w, "dlq", "redrive", "log_dlq", "--yes"); !strings.Contains(out, "sent           100") {
		t.Error(out)
	}
	w.Until("all have failed again", func() bool { return w.Depth("log_dlq") == bad })
	var again struct {
		Redriven int
		Headers  map[string]any
	}
	check(w, json.Unmarshal([]byte(succeeds(w, "dlq", "show", "log_dlq", "--json")), &again))
	if again.Redriven != 1 || again.Headers["x-logpipe-queue"] != "log_queue" {
		t.Errorf("%+v", again)
	}

	_, err := w.Channel().QueueDeclare("inspect", true, false, false, false, nil)
	check(w, err)
	if out := succeeds(w, "dlq", "redrive", "log_dlq", "--to", "inspect", "--dry-run"); !strings.Contains(out, "would be sent  100") || w.Depth("inspect") != 0 {
		t.Error(out)
	}
	succeeds(w, "dlq", "redrive", "log_dlq", "--to", "inspect", "--yes")
	w.Until("all are aside", func() bool { return w.Depth("inspect") == bad && w.Depth("log_dlq") == 0 })
	w.Taken("log_queue")
	w.Stops(p, 0)
	if twice := w.Account(n, "inspect", "log_dlq").Twice(); twice != 0 {
		t.Errorf("%d messages are there twice", twice)
	}
}

// Nothing may be sent before somebody has said yes.
func TestRedriveAsks(t *testing.T) {
	w := world.New(t)
	w.DeadLetters(3, "quorum")
	for _, answer := range []string{"n\n", "\n", "later\n"} {
		got := command(w, answer, "dlq", "redrive", "log_dlq")
		if got.code != 2 || !strings.Contains(got.err, "Send the 3 messages in queue log_dlq back where they came from? [y/N]") {
			t.Errorf("%+v", got)
		}
		w.Until("all is as it was", func() bool { return w.Depth("log_dlq") == 3 })
	}
	if got := command(w, "y\n", "dlq", "redrive", "log_dlq"); got.code != 0 {
		t.Errorf("%+v", got)
	}
	w.Until("all are sent", func() bool { return w.Depth("home") == 3 && w.Depth("log_dlq") == 0 })
	if got := command(w, "", "dlq", "redrive", "log_dlq", "--yes"); got.code != 0 || !strings.Contains(got.out, "0 messages") {
		t.Errorf("an empty queue: %+v", got)
	}
}

// A script must see that something is still there.
func TestRedriveSaysWhatStays(t *testing.T) {
	w := world.New(t)
	w.DeadLetters(3, "classic")
	got := command(w, "", "dlq", "redrive", "log_dlq", "--yes", "--match", `body~"seq":[12]`, "--to-exchange", "amq.direct", "--routing-key", "nobody")
	if got.code != 4 || !strings.Contains(got.out, "stay           2") || !strings.Contains(got.out, "do not match   1") || !strings.Contains(got.out, "no queue gets messages") {
		t.Errorf("%+v", got)
	}
	w.Until("all are still there", func() bool { return w.Depth("log_dlq") == 3 })
}

// A message may have been written to attack the terminal of who looks at it.
func TestShowIsSafe(t *testing.T) {
	w := world.New(t)
	w.DeadLetters(1, "quorum")
	ch := w.Channel()
	body := "\x1b]0;owned\x07\x1b[2J\u009b31m\r\xff\x00second\nline\u202e"
	check(w, ch.Confirm(false))
	sent, err := ch.PublishWithDeferredConfirm("", "log_dlq", true, false, amqp.Publishing{
		Body: []byte(body), MessageId: "\x1b[1mid", Type: "\x9b", Headers: amqp.Table{
			"x-logpipe-reason": "\x1b[5m", "x-logpipe-error": "\x1b[6m\u009b", "\x1b[7m": []any{"\x1b[8m", amqp.Table{"\x1b[9m": "\u0085"}},
		},
	})
	check(w, err)
	sent.Wait()
	for _, args := range [][]string{{"show", "log_dlq", "--at", "2"}, {"show", "log_dlq", "--id", "\x1b[1mid"}, {"list", "log_dlq"}} {
		out := succeeds(w, append([]string{"dlq"}, args...)...)
		if i := strings.IndexFunc(out, func(r rune) bool {
			return r < ' ' && r != '\n' || r >= 0x7f && r <= 0x9f || r == '\u202e' || r == '\uFFFD'
		}); i >= 0 {
			t.Errorf("%q: a terminal would obey %q", args, out[i:])
		}
		if args[0] == "show" && (!strings.Contains(out, `\x1b]0;owned\a\x1b[2J\u009b31m\r\xff\x00second`+"\n  line") || !strings.Contains(out, `\x1b[9m`)) {
			t.Errorf("%q: not everything is shown:\n%s", args, out)
		}
	}
	if out := succeeds(w, "dlq", "show", "log_dlq", "--at", "2", "--raw"); out != body {
		t.Errorf("--raw wrote %q", out)
	}
	var shown struct {
		Base64 []byte `json:"body_base64"`
	}
	check(w, json.Unmarshal([]byte(succeeds(w, "dlq", "show", "log_dlq", "--at", "2", "--json")), &shown))
	if string(shown.Base64) != body {
		t.Errorf("JSON has the body %q", shown.Base64)
	}
	for _, args := range [][]string{{"--at", "3"}, {"--id", "nosuch"}} {
		if got := command(w, "", append([]string{"dlq", "show", "log_dlq"}, args...)...); got.code != 4 || !strings.Contains(got.err, "there is no such message") {
			t.Errorf("%+v", got)
		}
	}
}

// Ctrl-C must leave each message in exactly one of the queues.
func TestRedriveInterrupted(t *testing.T) {
	w := world.New(t)
	const n = 5_000
	w.DeadLetters(n, "quorum")
	p := w.Start(w.Env(), "dlq", "redrive", "log_dlq", "--yes", "--rate", "2000/s")
	w.Until("some are sent", func() bool { return w.Depth("home") > 500 })
	check(w, p.Signal(syscall.SIGINT))
	w.Exits(p, 4)
	w.Until("the rest is given back", func() bool { return w.Depth("home")+w.Depth("log_dlq") == n })
	home := w.Queue("home")
	if len(home.Count) == n {
		t.Error("it was not interrupted")
	}
	rest := w.Queue("log_dlq")
	w.Complete(n, home, rest)
	if home.Total()+rest.Total() != n {
		t.Errorf("%d and %d messages, want %d together", home.Total(), rest.Total(), n)
	}
}
