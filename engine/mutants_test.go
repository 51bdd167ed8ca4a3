package engine_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutants are mistakes that lose or double messages.
var mutants = []struct {
	name  string
	edits []edit
}{
	{"an ack crosses a reconnect", []edit{
		{"read.go", "d.live.Store(d.epoch)", "if old := d.live.Load(); old != nil { d.epoch.acks = old.acks }; d.live.Store(d.epoch)"},
		{"receipt.go", "if !e.dead.Load() {\n\t\te.acks", "if true {\n\t\te.acks"},
	}},
	{"void messages are not discarded", []edit{{"attempt.go", "n, bytes := discardVoid(b); n > 0", "n, bytes := 0, int64(0); n > 0"}}},
	{"the source is opened before the void window is gone", []edit{{"reopen.go", "for !d.window.empty() {", "for n := 0; n < 1 && !d.window.empty(); n++ {"}}},
	{"recovery makes a new id", []edit{{"recover.go", `if b.ID == "" {`, "if true {"}}},
	{"a channel is closed before its senders ended", []edit{{"drain.go", "readers.Wait()\n\tclose(r.inputs.head)", "close(r.inputs.head)\n\treaders.Wait()"}}},
	{"a chunk is settled with its first message", []edit{{"receipt.go", "if left > 0 {\n\t\treturn\n\t}", "if left > 0 && n < 1 {\n\t\treturn\n\t}"}}},
	{"the window is not waited for", []edit{{"read.go", "if d.window.room() {", "if true {"}}},
	{"nobody asks for pressure", []edit{{"pressure.go", "return again, p.left > 0", "return again, false"}}},
	{"nobody asks a source whether it can give more", []edit{{"pressure.go", "if !ok || !d.r.stages {", "if !ok || true {"}}},
	{"pressure goes on with the next eighth only when this one is settled", []edit{{"pressure.go", "if left > p.had && time.Now().Before(p.due) {", "if left > p.had {"}}},
	{"a temporary failure is buried", []edit{{"write.go", "never := IsPermanent(err) ||", "never := true || IsPermanent(err) ||"}}},
	{"the fallback forgets before its batch is home", []edit{{"recover.go", "case len(left) == 0:\n\t\trelease", "case true:\n\t\trelease"}}},
	{"bytes do not count", []edit{{"window.go", "(w.max.bytes == 0 ||", "(true ||"}}},
	{"the workers are not joined", []edit{{"drain.go", "workers.Wait()\n", "\n"}}},
	{"an ack's error is not heard", []edit{{"ack.go", `a.lost(fmt.Errorf("ack: %w", a.err))`, "_ = fmt.Errorf"}}},
	{"a wrapped io.EOF ends the source", []edit{{"read.go", "return err == io.EOF ||", "return errors.Is(err, io.EOF) ||"}}},
	{"the last acks are not sent", []edit{{"ack.go", "close(a.flush)", "a.cancel()"}}},
	{"an input is closed beside its acker", []edit{{"ack.go", "a.cancel()\n\t<-a.done\n}", "a.cancel()\n}"}}},
	{"a failed last ack is no news", []edit{{"drain.go", "return unacked\n}\n\nfunc (r *run) closeOutputs", "return nil\n}\n\nfunc (r *run) closeOutputs"}}},
	{"an input is opened again although nothing can be written", []edit{{"reopen.go", "br.nowhere() && !br.ask(ctx, kept[i%len(kept)])", "len(kept) == 0"}}},
	{"an input asks with one message only whether something can be written", []edit{{"reopen.go", "kept[i%len(kept)]", "kept[0]"}}},
	{"an input stays closed although the fallback works", []edit{{"probe.go", "(br.fallback == nil || br.fallback.health.fails())", "true"}}},
	{"a read error makes nothing void", []edit{{"reopen.go", "d.epoch.kill()\n\tif d.unwatch", "if d.unwatch"}}},
	{"the back-off never begins anew", []edit{{"read.go", "\t\t\twait.reset()\n", "\n"}}},
	{"the back-off begins anew with every connection", []edit{{"read.go", "if d.epoch.acked.Load() ||", "if opened ||"}}},
	{"parts do not count", []edit{{"receipt.go", "r.epoch.unsettled.Add(int64(n))\n}", "}"}}},
	{"void dead letters leave their reasons", []edit{{"settle.go", "b.Reasons[len(kept)] = b.Reasons[i]", "_ = i"}}},
	{"stored dead letters leave their reasons", []edit{{"attempt.go", "reasons = append(reasons, b.Reasons[i])", "reasons = b.Reasons[:len(left)]"}}},
	{"a message may be made anew", []edit{{"process.go", "if !same && !s.sorted(b.Messages) {", "if false {"}}},
	{"a message may move after it was rejected", []edit{{"process.go", "if m.why != nil && receiptOf(&m.msg)", "if false && receiptOf(&m.msg)"}}},
	{"a sealed batch is sealed again", []edit{{"write.go", `if b.ID == "" {`, "if true {"}}},
	{"times are local", []edit{{"write.go", "b.Time = b.Time.UTC()", "_ = b"}}},
	{"stuck dead letters are without bound", []edit{{"deadletter.go", "return d.held < deadLetterStuck", "return true"}}},
	{"stuck dead letters are forgotten at the end", []edit{{"deadletter.go", "d.came == nil && len(d.stuck.waiting) == 0 }", "d.came == nil }"}}},
	{"new dead letters go before stuck ones", []edit{{"deadletter.go", "!d.oneNew(d.turn) &&", "!d.oneNew(false) &&"}}},
	{"each failure puts off the others", []edit{{"later.go", "\tw.due = now.Add(w.wait.delay())", "\tw.due = now.Add(w.wait.delay())\n\tfor _, o := range l.waiting {\n\t\to.due = w.due\n\t}"}}},
	{"a poisoned batch counts as outstanding", []edit{{"recover.go", "-c.stays >= recoverHeld", " >= recoverHeld"}}},
	{"the rest of a poisoned batch stays with the good part", []edit{{"recover.go", "if stays < whole.of.Messages {", "if false {"}}},
	{"the last pass does not wait for dead letters", []edit{{"recover.go", "case last && len(c.out) > c.skipped: //", "case false: //"}}},
	{"recovery waits behind a refused batch", []edit{{"evidence.go", "return e.writes.Load() > since || StoredSome(err) ||", "return StoredSome(err) ||"}}},
	{"recovery is late: what failed in an outage waits as what is refused", []edit{{"refused.go", "known.guilty, known.pass, known.of = guilty, pass, of", "known.guilty, known.pass, known.of = true, pass, of\n\tguilty = true"}}},
	{"a refused batch is tried each time", []edit{{"refused.go", "!known.guilty || time.Until(known.due) <= 0", "true"}}},
	{"parts have names of their own in each life", []edit{{"cut.go", "ID: b.ID + end,", "ID: NewID() + end,"}}},
	{"a message that is too large is a dead letter without evidence", []edit{{"write.go", "len(b.Messages) == 1 && br.attempt.evidence.against(err, mark)", "len(b.Messages) == 1"}}},
	{"parts are not released", []edit{{"cut.go", "release(half.Messages)", "_ = half"}}},
	{"nobody tells recovery that the output is well", []edit{{"health.go", "poke(a.br.isWell)", "_ = a"}}},
	{"nobody tells recovery that something fell back", []edit{{"write.go", "poke(br.fellBack)", "_ = br"}}},
	{"poisoned batches keep the workers", []edit{{"write.go", "br.mayGo(p.err, mark, began) && br.holder.take(b, mark, p.err)", "br.mayGo(p.err, mark, began) && false"}}},
	{"the holder forgets at the end", []edit{{"hold.go", "case !some && isClosed(h.last):", "case isClosed(h.last):"}}},
	{"a policy may pass on a copy", []edit{{"attempt.go", "a.role == RoleOutput && stateOf(b).self != b", "false"}}},
	{"an output may move its messages about", []edit{{"distrust.go", "if !before.same(b.Messages) {", "if false {"}}},
	{"closing makes void", []edit{{"reopen.go", "\tif d.unwatch != nil {\n\t\td.unwatch() // an", "\tif false {\n\t\td.unwatch() // an"}}},
	{"copies for branches do not count", []edit{{"fork.go", "growBy(b.Messages, f.copies) //", "_ = growBy //"}}},
	{"batches of branches share their names", []edit{{"fork.go", "if some == 1 {", "if true {"}}},
	{"a sweep ends at the fork", []edit{{"fork.go", "br.queue.put(&Batch{SealedBy: b.SealedBy})", "_ = br"}}},
	{"a branch's queue keeps what is void", []edit{{"queue.go", "q.br.attempt.discard(b)\n\t\t\tq.purge()", "_ = q.purge"}}},
	{"messages without an answer are dropped", []edit{{"fork.go", "if n == 0 && err == nil && !f.r.p.DropUnmatched {", "if f.r.p.DropUnmatched {\n\terr = nil\n}\nif n == 0 && err == nil && !f.r.p.DropUnmatched {"}}},
	{"a branch falls back with the drain time of one that has no fallback", []edit{{"drain.go", "if b.ends = r.ends; b.fallback == nil {", "if b.ends = r.ends; false {"}}},
	{"a drain lets held batches sleep", []edit{{"backoff.go", "early := e.stop.Done()", "early := e.hard.Done()"}, {"backoff.go", "early = e.soft.Done()", "early = e.hard.Done()"}}},
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
