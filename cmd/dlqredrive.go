package cmd

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/plugins/dlq"
)

type redriveFlags struct {
	to, exchange, key   string
	match               []string
	most                int
	rate                string
	dryRun, yes, anyway bool
}

func (a *app) dlqRedriveCommand() *cobra.Command {
	var f dlqFlags
	var r redriveFlags
	c := &cobra.Command{
		Use:   "redrive [QUEUE]",
		Short: "Send messages back where they came from, or elsewhere",
		Long: `Send the messages of a dead-letter queue back to the queues that they came from, or
elsewhere. A message leaves the dead-letter queue only after the broker has confirmed that
another queue has it: whatever happens, and however this command ends, none is lost. If it
is killed, at most 256 messages are in both queues. What cannot be sent, and what does not
match, stays.

It ends after as many messages as the queue had when it began, so what fails again does
not go in circles. The headers x-logpipe-* of the failure are taken off; x-logpipe-redriven
counts how often a message was sent back. A first Ctrl-C ends it after what is on its way.

--match chooses messages: FIELD=VALUE, or FIELD~REGEXP for a part of the field. The fields
are reason, error, pipeline, queue, exchange, key, id, body and header.NAME. Several must
all match.
` + dlqAddress + `

Exit codes: 0 all that was chosen is sent, 4 some of it is still there.`,
		Example: `  logpipe dlq redrive log_dlq --dry-run
  logpipe dlq redrive log_dlq --match reason=unwritable --match 'error~too large' --max 10
  logpipe dlq redrive log_dlq --to inspect --rate 100/s --yes`,
		RunE: func(c *cobra.Command, args []string) error {
			job, err := r.job()
			if err != nil {
				return err
			}
			if !r.yes && !r.dryRun && !a.InTerminal {
				return usagef("nobody can be asked here: look with --dry-run, then start with --yes")
			}
			b, queue, err := a.place(f, args)
			if err != nil {
				return err
			}
			return a.redrive(c.Context(), b, queue, job, r)
		},
	}
	f.register(c)
	flags := c.Flags()
	flags.StringVar(&r.to, "to", "", "send all to this `QUEUE`")
	flags.StringVar(&r.exchange, "to-exchange", "", "send all to this `EXCHANGE`")
	flags.StringVar(&r.key, "routing-key", "", "with this `KEY`; without it each with the key it had")
	flags.StringArrayVar(&r.match, "match", nil, "only messages for which `CONDITION` holds")
	flags.IntVar(&r.most, "max", 0, "send at most `N` messages; 0 is all")
	flags.StringVar(&r.rate, "rate", "", "send at most so many messages a second, such as `100/s`")
	flags.BoolVar(&r.dryRun, "dry-run", false, "count what would be sent, and send nothing")
	flags.BoolVarP(&r.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&r.anyway, "anyway", false, "go on where messages were looked at very often: the queue has no delivery limit")
	return c
}

// job is what the flags ask for.
func (f *redriveFlags) job() (*dlq.Redrive, error) {
	match, err := dlq.ParseMatch(f.match)
	switch {
	case err != nil:
		return nil, usagef("--match: %w", err)
	case f.to != "" && f.exchange != "":
		return nil, usagef("--to and --to-exchange both say where to: use one of them")
	case f.key != "" && f.exchange == "":
		return nil, usagef("--routing-key is for an exchange: name it with --to-exchange, or a queue with --to")
	case f.most < 0:
		return nil, usagef("--max is %d; it must not be negative, and 0 is all", f.most)
	}
	rate := 0.0
	if f.rate != "" {
		rate, err = strconv.ParseFloat(strings.TrimSuffix(f.rate, "/s"), 64)
		if err != nil || !(rate >= 0.001 && rate <= 1e9) {
			return nil, usagef("--rate is %q; it must be a number of messages a second, such as 100/s", f.rate)
		}
	}
	err = firstError(checkName("--to", f.to), checkName("--to-exchange", f.exchange), checkName("--routing-key", f.key))
	return &dlq.Redrive{
		Target: dlq.Target{Queue: f.to, Exchange: f.exchange, Key: f.key}, Match: match, Max: f.most, Rate: rate, DryRun: f.dryRun, Anyway: f.anyway,
	}, err
}

func (a *app) redrive(ctx context.Context, b dlq.Broker, queue string, job *dlq.Redrive, f redriveFlags) error {
	r, err := dlq.Open(ctx, b, queue)
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(ctx)) // once more, where it was not closed
	if r.Depth > 0 && !f.yes && !f.dryRun && !a.agreed(question(queue, r.Depth, f)) {
		return usagef("nothing was sent")
	}
	screen := &screen{w: a.Err}
	job.Log = slog.New(&textHandler{w: screen, level: slog.LevelWarn, layout: terminalTime, color: a.color()})
	started := time.Now()
	if a.terminal() {
		job.Progress = func(d dlq.Result) { screen.Status(progressText(d, time.Since(started), a.width())) }
	}
	ctx, interrupted, forget := untilSignal(ctx)
	defer forget()
	result, err := job.Run(ctx, r)
	screen.Status("")
	err = firstError(err, r.Close(context.WithoutCancel(ctx)))
	if perr := a.print(redriveText(queue, result, f.dryRun, time.Since(started))); err == nil {
		err = perr
	}
	switch {
	case err != nil:
		return err
	case interrupted() && result.Sent+result.Unmatched+result.Failed() < result.Depth:
		return fmt.Errorf("interrupted: what was confirmed is out of the queue, the rest is in it")
	case result.Failed() > 0:
		return exit(exitRuntime)
	}
	return nil
}

// untilSignal ends the context with the first signal. The second one ends the process as if nobody had asked for signals.
func untilSignal(parent context.Context) (ctx context.Context, interrupted func() bool, forget func()) {
	ctx, stop := context.WithCancel(parent)
	watching, end := context.WithCancel(context.Background())
	signals, forgetSignals := notifySignals()
	go watchSignals(watching, parent, signals, func(os.Signal) {
		forgetSignals()
		stop()
	})
	return ctx, func() bool { return ctx.Err() != nil }, func() {
		end()
		forgetSignals()
		stop()
	}
}

func question(queue string, depth int, f redriveFlags) string {
	what := "the " + messages(depth)
	if len(f.match) > 0 {
		what = "those that match of " + what
	}
	if f.most > 0 {
		what = fmt.Sprintf("at most %s of %s", thousands(int64(f.most)), what)
	}
	where := "back where they came from"
	switch {
	case f.to != "":
		where = "to queue " + quote(f.to)
	case f.exchange != "":
		where = "to exchange " + quote(f.exchange)
	}
	return fmt.Sprintf("Send %s in queue %s %s? [y/N] ", what, quote(queue), where)
}

// agreed asks. What is no clear yes is a no.
func (a *app) agreed(question string) bool {
	_, _ = fmt.Fprint(a.Err, question) // who cannot read it does not say yes
	answer, _ := bufio.NewReader(a.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}

// progressText is one line that fits into a terminal of that width; 0 is unknown.
func progressText(r dlq.Result, took time.Duration, width int) string {
	if width <= 0 {
		width = 80
	}
	const cells = 20
	done := cells
	if r.Depth > 0 {
		done = min(cells, cells*r.Seen/r.Depth)
	}
	line := fmt.Sprintf("[%s%s] %s of %s  %s sent  %s left  %s/s", strings.Repeat("#", done), strings.Repeat(".", cells-done),
		thousands(int64(r.Seen)), thousands(int64(r.Depth)), thousands(int64(r.Sent)), thousands(int64(r.Unmatched+r.Failed())),
		thousands(perSecond(int64(r.Sent), took)))
	return line[:max(0, min(len(line), width-1))]
}

// redriveText says how it came out.
func redriveText(queue string, r dlq.Result, dryRun bool, took time.Duration) string {
	var s strings.Builder
	sent := "sent"
	if dryRun {
		sent = "would be sent"
	}
	fmt.Fprintf(&s, "queue %s: %s\n", quote(queue), messages(r.Depth))
	writeRows(&s, [][2]string{
		{sent, thousands(int64(r.Sent))}, {"do not match", thousands(int64(r.Unmatched))}, {"stay", thousands(int64(r.Failed()))},
		{"not looked at", thousands(int64(r.Depth - r.Seen))}, {"time", took.Round(time.Millisecond).String()},
	})
	if dryRun {
		writeGroups(&s, r.Groups.Sorted(), time.Now())
	}
	var reasons [][2]string
	for why, n := range r.Kept {
		reasons = append(reasons, [2]string{thousands(int64(n)), escape(why)})
	}
	slices.SortFunc(reasons, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	if len(reasons) > 0 {
		s.WriteString("why messages stay\n")
		writeRows(&s, reasons)
	}
	return s.String()
}
