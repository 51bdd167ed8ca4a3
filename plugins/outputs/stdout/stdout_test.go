package stdout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// console counts calls; it breaks off after limit bytes if that is more than 0.
type console struct {
	bytes.Buffer
	calls, limit int
}

func (c *console) Write(p []byte) (int, error) {
	c.calls++
	if n := c.limit; n > 0 && n < len(p) {
		c.limit = 0
		c.Buffer.Write(p[:n])
		return n, syscall.EPIPE
	}
	return c.Buffer.Write(p)
}

func batch(bodies ...string) *engine.Batch {
	b := &engine.Batch{ID: "id"}
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body)})
	}
	return b
}

func TestSuite(t *testing.T) {
	consoles := map[string]*bytes.Buffer{} // by test
	enginetest.TestOutput(t, enginetest.OutputSuite{
		New: func(t *testing.T) engine.Output {
			if consoles[t.Name()] == nil {
				consoles[t.Name()] = new(bytes.Buffer)
			}
			return &output{to: consoles[t.Name()]}
		},
		Stored: func(t *testing.T) [][]byte {
			lines := bytes.Split(consoles[t.Name()].Bytes(), []byte("\n"))
			return lines[:len(lines)-1]
		},
	})
}

func TestEachMessageIsALine(t *testing.T) {
	to := new(console)
	o := &output{to: to}
	for range 2 {
		if err := o.Write(t.Context(), batch(`{"a":1}`, "", "carriage\rreturn")); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Repeat("{\"a\":1}\n\ncarriage\rreturn\n", 2)
	if to.String() != want || to.calls != 2 {
		t.Errorf("%d writes of %q, want 2 of %q", to.calls, to.String(), want)
	}
}

// Every message is on a line of its own or a dead letter; none is in the way of the others.
func TestLineBreaksAreRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, to := enginetest.NewLedger(), new(console)
		source, dead := enginetest.NewSource(ledger, "1", "2\n", "3\n4", "5"), enginetest.NewStore(ledger, "dead letter")
		pipeline := &flow.Pipeline{
			Inputs:     []engine.InputStep{{Name: "input", Input: source}},
			Output:     engine.OutputStep{Name: "output", Output: &output{to: to}},
			DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: dead},
			Workers:    1, DrainTimeout: time.Minute,
		}
		if err := pipeline.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(map[string]int{"2\n": 1, "3\n4": 1}, dead.Bodies()); diff != "" {
			t.Error(diff)
		}
		if to.String() != "1\n5\n" || source.Unacked() != 0 {
			t.Errorf("wrote %q, %d unacked", to.String(), source.Unacked())
		}
	})
}

// A dead letter has no other place to go, so any message must fit on a line.
func TestDeadLettersAreQuoted(t *testing.T) {
	to := new(console)
	b := batch("a\n\"b\"", "\xff")
	b.Reasons = []error{errors.New("invalid JSON at byte 0"), errors.Join(errors.New("one"), errors.New("two"))}
	if err := (&output{to: to}).Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if want := "invalid JSON at byte 0: \"a\\n\\\"b\\\"\"\none two: \"\\xff\"\n"; to.String() != want {
		t.Errorf("got %q, want %q", to.String(), want)
	}
}

// On a terminal, whoever may log could else clear the screen, set its title, or write lines that look like others'.
func TestATerminalObeysNoMessage(t *testing.T) {
	bodies := []string{"\x1b[2J\x1b]0;owned\a", "a\rb", "\u009b31m", "\xff\x00", "\u202egnp.exe", "tab\tä 日本 \\x1b \ufffd"}
	want := []string{`\x1b[2J\x1b]0;owned\a`, `a\rb`, `\u009b31m`, `\xff\x00`, `\u202egnp.exe`, "tab\tä 日本 \\x1b \ufffd"}
	for terminal, want := range map[bool][]string{true: want, false: bodies} {
		to := new(console)
		if err := (&output{to: to, terminal: terminal}).Write(t.Context(), batch(bodies...)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Join(want, "\n")+"\n", to.String()); diff != "" {
			t.Errorf("terminal %v: %s", terminal, diff)
		}
	}
	to, b := new(console), batch("a")
	b.Reasons = []error{errors.New("no queue \x1b[2J")}
	if err := (&output{to: to}).Write(t.Context(), b); err != nil || to.String() != "no queue \\x1b[2J: \"a\"\n" {
		t.Errorf("a reason: %q, %v", to.String(), err)
	}
}

// The batch comes again after an error. Its first line must not grow onto the half line of the first try.
func TestHalfALineIsEnded(t *testing.T) {
	for limit, want := range map[int]string{1: "o\none\ntwo\n", 3: "one\none\ntwo\n", 4: "one\none\ntwo\n", 5: "one\nt\none\ntwo\n"} {
		to := &console{limit: limit}
		o := &output{to: to}
		err := o.Write(t.Context(), batch("one", "two"))
		if !errors.Is(err, syscall.EPIPE) || engine.IsPermanent(err) {
			t.Errorf("got %v, want a temporary error", err)
		}
		if err := o.Write(t.Context(), batch("one", "two")); err != nil {
			t.Error(err)
		}
		if to.String() != want {
			t.Errorf("broken off after %d bytes: %q, want %q", limit, to.String(), want)
		}
	}
}

func TestBatchesDoNotMix(t *testing.T) {
	to := new(console)
	o := &output{to: to}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { o.Write(context.Background(), batch("1", "2", "3")) })
	}
	wg.Wait()
	if want := strings.Repeat("1\n2\n3\n", 50); to.String() != want {
		t.Errorf("got %q", to.String())
	}
}

func BenchmarkWrite(b *testing.B) {
	o := &output{to: io.Discard}
	records := batch(strings.Split(strings.Repeat(strings.Repeat("x", 250)+" ", 1000), " ")[:1000]...)
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(records.Messages) { // one operation is one message
		if err := o.Write(b.Context(), records); err != nil {
			b.Fatal(err)
		}
	}
}
