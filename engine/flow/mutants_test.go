package flow_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutants are mistakes that lose or double messages, in this package and in those below the engine that do its work.
var mutants = []struct {
	name  string
	edits []edit
}{
	{"an ack crosses a reconnect", []edit{
		{"../internal/intake/read.go", "d.live.Store(d.epoch)", "if old := d.live.Load(); old != nil { d.epoch.Acks = old.Acks }; d.live.Store(d.epoch)"},
		{"../internal/books/receipt.go", "if !e.Dead.Load() {\n\t\te.Acks", "if true {\n\t\te.Acks"},
	}},
	{"void messages are not discarded", []edit{{"../internal/deliver/attempt.go", "n, bytes := settle.DiscardVoid(b); n > 0", "n, bytes := 0, int64(0); n > 0"}}},
	{"the source is opened before the void window is gone", []edit{{"../internal/intake/reopen.go", "for !d.Window.Empty() {", "for n := 0; n < 1 && !d.Window.Empty(); n++ {"}}},
	{"recovery makes a new id", []edit{{"../internal/recovery/home.go", `if b.ID == "" {`, "if true {"}}},
	{"a channel is closed before its senders ended", []edit{{"drain.go", "readers.Wait()\n\tclose(r.inputs.Head)", "close(r.inputs.Head)\n\treaders.Wait()"}}},
	{"a chunk is settled with its first message", []edit{{"../internal/books/receipt.go", "if left > 0 {\n\t\treturn\n\t}", "if left > 0 && n < 1 {\n\t\treturn\n\t}"}}},
	{"the window is not waited for", []edit{{"../internal/intake/read.go", "if d.Window.Room() {", "if true {"}}},
	{"nobody asks for pressure", []edit{{"../internal/intake/pressure.go", "return again, p.left > 0", "return again, false"}}},
	{"nobody asks a source whether it can give more", []edit{{"../internal/intake/pressure.go", "if !ok || !d.r.Stages {", "if !ok || true {"}}},
	{"pressure goes on with the next eighth only when this one is settled", []edit{{"../internal/intake/pressure.go", "if left > p.had && time.Now().Before(p.due) {", "if left > p.had {"}}},
	{"a temporary failure is buried", []edit{{"../internal/deliver/write.go", "never := engine.IsPermanent(err) ||", "never := true || engine.IsPermanent(err) ||"}}},
	{"the fallback forgets before its batch is home", []edit{{"../internal/recovery/home.go", "case len(left) == 0:\n\t\tsettle.Release", "case true:\n\t\tsettle.Release"}}},
	{"bytes do not count", []edit{{"../internal/books/window.go", "(w.max.Bytes == 0 ||", "(true ||"}}},
	{"the workers are not joined", []edit{{"drain.go", "workers.Wait()\n", "\n"}}},
	{"an ack's error is not heard", []edit{{"../internal/intake/ack.go", `a.lost(fmt.Errorf("ack: %w", a.err))`, "_ = fmt.Errorf"}}},
	{"a wrapped io.EOF ends the source", []edit{{"../internal/intake/read.go", "return err == io.EOF ||", "return errors.Is(err, io.EOF) ||"}}},
	{"the last acks are not sent", []edit{{"../internal/intake/ack.go", "close(a.flush)", "a.cancel()"}}},
	{"an input is closed beside its acker", []edit{{"../internal/intake/ack.go", "a.cancel()\n\t<-a.done\n}", "a.cancel()\n}"}}},
	{"a failed last ack is no news", []edit{{"drain.go", "return unacked\n}\n\nfunc (r *run) closeOutputs", "return nil\n}\n\nfunc (r *run) closeOutputs"}}},
	{"an input is opened again although nothing can be written", []edit{{"../internal/intake/reopen.go", "br.Nowhere() && !br.Ask(ctx, kept[i%len(kept)])", "len(kept) == 0"}}},
	{"an input asks with one message only whether something can be written", []edit{{"../internal/intake/reopen.go", "kept[i%len(kept)]", "kept[0]"}}},
	{"an input stays closed although the fallback works", []edit{{"../internal/deliver/probe.go", "(br.Fallback == nil || br.Fallback.Health.fails())", "true"}}},
	{"a question whether something can be written may hang", []edit{{"../internal/deliver/probe.go", "context.WithTimeout(ctx, askedFor)", "context.WithTimeout(ctx, 1000*askedFor)"}}},
	{"a read error makes nothing void", []edit{{"../internal/intake/reopen.go", "d.epoch.Kill()\n\tif d.unwatch", "if d.unwatch"}}},
	{"the back-off never begins anew", []edit{{"../internal/intake/read.go", "\t\t\twait.Reset()\n", "\n"}}},
	{"the back-off begins anew with every connection", []edit{{"../internal/intake/read.go", "if d.epoch.Acked.Load() ||", "if opened ||"}}},
	{"parts do not count", []edit{{"../internal/books/receipt.go", "r.Epoch.Unsettled.Add(int64(n))\n}", "}"}}},
	{"void dead letters leave their reasons", []edit{{"../internal/settle/settle.go", "b.Reasons[len(kept)] = b.Reasons[i]", "_ = i"}}},
	{"a dead letter is stuck and nobody is told", []edit{{"../internal/deliver/deadletter.go", "d.sayStuck(err, w.Guilty)", "_ = err"}}},
	{"stored dead letters leave their reasons", []edit{{"../internal/deliver/attempt.go", "reasons = append(reasons, b.Reasons[i])", "reasons = b.Reasons[:len(left)]"}}},
	{"a message may be made anew", []edit{{"../internal/process/process.go", "if !same && !s.sorted(b.Messages) {", "if false {"}}},
	{"a message may move after it was rejected", []edit{{"../internal/process/process.go", "if m.Why != nil && settle.ReceiptOf(&m.Msg)", "if false && settle.ReceiptOf(&m.Msg)"}}},
	{"a sealed batch is sealed again", []edit{{"../internal/deliver/write.go", `if b.ID == "" {`, "if true {"}}},
	{"times are local", []edit{{"../internal/deliver/write.go", "b.Time = b.Time.UTC()", "_ = b"}}},
	{"stuck dead letters are without bound", []edit{{"../internal/deliver/deadletter.go", "return d.held < deadLetterStuck", "return true"}}},
	{"stuck dead letters are forgotten at the end", []edit{{"../internal/deliver/deadletter.go", "d.came == nil && len(d.stuck.Waiting) == 0 }", "d.came == nil }"}}},
	{"new dead letters go before stuck ones", []edit{{"../internal/deliver/deadletter.go", "!d.oneNew(d.turn) &&", "!d.oneNew(false) &&"}}},
	{"each failure puts off the others", []edit{{"../internal/tries/later.go", "\tw.due = now.Add(w.wait.Delay())", "\tw.due = now.Add(w.wait.Delay())\n\tfor _, o := range l.Waiting {\n\t\to.due = w.due\n\t}"}}},
	{"a poisoned batch counts as outstanding", []edit{{"../internal/recovery/recover.go", " - c.stays) {", ") {"}}},
	{"what waits of a fallback is counted by messages alone", []edit{{"../internal/recovery/late.go", "|| l.sum >= recoverBytes", "|| l.sum < 0"}}},
	{"a dead letter keeps the whole batch that came home", []edit{{"../internal/deliver/attempt.go", "if 2*dead.Bytes() > block {", "if true {"}}},
	{"the rest of a poisoned batch stays with the good part", []edit{{"../internal/recovery/home.go", "if stays < whole.of.Messages {", "if false {"}}},
	{"a rest that does not fall back is forgotten", []edit{{"../internal/recovery/home.go", "\t\t\tc.note(whole, left[0].Err, true)\n", "\t\t\t_ = whole\n"}}},
	{"the last pass does not wait for dead letters", []edit{{"../internal/recovery/rest.go", "case last && len(c.out) > c.skipped: //", "case false: //"}}},
	{"recovery waits behind a refused batch", []edit{{"../internal/tries/evidence.go", "return e.writes.Load() > since || engine.StoredSome(err) ||", "return engine.StoredSome(err) ||"}}},
	{"recovery is late: what failed in an outage waits as what is refused", []edit{{"../internal/recovery/refused.go", "known.guilty, known.pass, known.of = guilty, pass, of", "known.guilty, known.pass, known.of = true, pass, of\n\tguilty = true"}}},
	{"a refused batch is tried each time", []edit{{"../internal/recovery/refused.go", "!known.guilty || time.Until(known.due) <= 0", "true"}}},
	{"parts have names of their own in each life", []edit{{"../internal/deliver/cut.go", "ID: b.ID + end,", "ID: engine.NewID() + end,"}}},
	{"a message that is too large is a dead letter without evidence", []edit{{"../internal/deliver/write.go", "len(b.Messages) == 1 && br.Attempt.Evidence.Against(err, mark)", "len(b.Messages) == 1"}}},
	{"parts are not released", []edit{{"../internal/deliver/cut.go", "settle.Release(half.Messages)", "_ = half"}}},
	{"nobody tells recovery that the output is well", []edit{{"../internal/deliver/health.go", "signal.Poke(a.br.IsWell)", "_ = signal.Poke"}}},
	{"nobody tells recovery that something fell back", []edit{{"../internal/deliver/write.go", "signal.Poke(br.FellBack)", "_ = signal.Poke"}}},
	{"poisoned batches keep the workers", []edit{{"../internal/deliver/write.go", "br.mayGo(p.Err, mark, began) && br.Holder.take(b, mark, p.Err)", "br.mayGo(p.Err, mark, began) && false"}}},
	{"the holder forgets at the end", []edit{{"../internal/deliver/hold.go", "case !some && signal.IsClosed(h.Last):", "case signal.IsClosed(h.Last):"}}},
	{"a policy may pass on a copy", []edit{{"../internal/deliver/attempt.go", "a.Role == engine.RoleOutput && settle.StateOf(b).Self != b", "false"}}},
	{"an output may move its messages about", []edit{{"../internal/deliver/distrust.go", "if !before.same(b.Messages) {", "if false {"}}},
	{"closing makes void", []edit{{"../internal/intake/reopen.go", "\tif d.unwatch != nil {\n\t\td.unwatch() // an", "\tif false {\n\t\td.unwatch() // an"}}},
	{"copies for branches do not count", []edit{{"fork.go", "settle.GrowBy(b.Messages, f.copies) //", "_ = settle.GrowBy //"}}},
	{"batches of branches share their names", []edit{{"fork.go", "if some == 1 {", "if true {"}}},
	{"a sweep ends at the fork", []edit{{"fork.go", "br.Queue.Put(&engine.Batch{SealedBy: b.SealedBy})", "_ = br"}}},
	{"a branch's queue keeps what is void", []edit{{"../internal/deliver/queue.go", "q.br.Attempt.discard(b)\n\t\t\tq.purge()", "_ = q.purge"}}},
	{"messages without an answer are dropped", []edit{{"fork.go", "if n == 0 && err == nil && !f.r.p.DropUnmatched {", "if f.r.p.DropUnmatched {\n\terr = nil\n}\nif n == 0 && err == nil && !f.r.p.DropUnmatched {"}}},
	{"a branch falls back with the drain time of one that has no fallback", []edit{{"drain.go", "if b.Ends = r.Ends; b.Fallback == nil {", "if b.Ends = r.Ends; false {"}}},
	{"a drain lets held batches sleep", []edit{{"../internal/tries/backoff.go", "early := e.Stop.Done()", "early := e.Hard.Done()"}, {"../internal/tries/backoff.go", "early = e.Soft.Done()", "early = e.Hard.Done()"}}},
}

// edit puts new text in the place of old text, which must stand once in the file.
type edit struct{ file, old, new string }

// TestMutantsDie makes each mistake in a copy of its file and runs the other tests of this package against it. A mutant that lives says
// that a law has no test.
func TestMutantsDie(t *testing.T) {
	if os.Getenv("LOGPIPE_MUTANT") != "" {
		t.Skip("this is a mutant's own run")
	}
	if testing.Short() {
		t.Skip("builds the package once for each mutant")
	}
	if out, err := underTest(t, "none", nil); err != nil {
		t.Fatalf("the tests fail without any mutation, so they say nothing of mutants: %v\n%s", err, out)
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			out, err := underTest(t, m.name, m.edits)
			switch {
			case err == nil:
				t.Errorf("all tests pass although %s", m.name)
			case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
				t.Errorf("the mutant does not build:\n%s", out)
			}
		})
	}
}

// underTest runs the tests of this package against the edited files.
func underTest(t *testing.T, name string, edits []edit) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", mutate(t, edits), "-timeout", "120s", "-failfast", "-short", ".", "-seeds", "60")
	cmd.Env = append(os.Environ(), "LOGPIPE_MUTANT="+name)
	cmd.WaitDelay = 10 * time.Second
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// mutate writes the changed files and an overlay that puts them in the place of the real ones.
func mutate(t *testing.T, edits []edit) (overlay string) {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for _, e := range edits {
		real, err := filepath.Abs(e.file)
		if err != nil {
			t.Fatal(err)
		}
		from := real
		if replace[real] != "" {
			from = replace[real] // an edit of this file came before
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			t.Fatalf("%s has the text %q %d times, want once: mend the mutant", e.file, e.old, n)
		}
		replace[real] = filepath.Join(dir, strings.ReplaceAll(filepath.ToSlash(e.file), "/", "_"))
		write(t, replace[real], []byte(strings.Replace(string(text), e.old, e.new, 1)))
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	write(t, overlay, list)
	return overlay
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
