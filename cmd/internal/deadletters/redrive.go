package deadletters

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

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/cmd/internal/progress"
	"github.com/logpipe/logpipe/plugins/dlq"
)

type RedriveFlags struct {
	To, Exchange, key   string
	Match               []string
	Most                int
	rate                string
	dryRun, yes, anyway bool
}

func dlqRedriveCommand(a *cli.App) *cobra.Command {
	var f dlqFlags
	var r RedriveFlags
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
				return cli.Usagef("nobody can be asked here: look with --dry-run, then start with --yes")
			}
			b, queue, err := place(a, f, args)
			if err != nil {
				return err
			}
			return redrive(c.Context(), a, b, queue, job, r)
		},
	}
	f.register(c)
	flags := c.Flags()
	flags.StringVar(&r.To, "to", "", "send all to this `QUEUE`")
	flags.StringVar(&r.Exchange, "to-exchange", "", "send all to this `EXCHANGE`")
	flags.StringVar(&r.key, "routing-key", "", "with this `KEY`; without it each with the key it had")
	flags.StringArrayVar(&r.Match, "match", nil, "only messages for which `CONDITION` holds")
	flags.IntVar(&r.Most, "max", 0, "send at most `N` messages; 0 is all")
	flags.StringVar(&r.rate, "rate", "", "send at most so many messages a second, such as `100/s`")
	flags.BoolVar(&r.dryRun, "dry-run", false, "count what would be sent, and send nothing")
	flags.BoolVarP(&r.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&r.anyway, "anyway", false, "go on where messages were looked at very often: the queue has no delivery limit")
	return c
}

// job is what the flags ask for.
func (f *RedriveFlags) job() (*dlq.Redrive, error) {
	match, err := dlq.ParseMatch(f.Match)
	switch {
	case err != nil:
		return nil, cli.Usagef("--match: %w", err)
	case f.To != "" && f.Exchange != "":
		return nil, cli.Usagef("--to and --to-exchange both say where to: use one of them")
	case f.key != "" && f.Exchange == "":
		return nil, cli.Usagef("--routing-key is for an exchange: name it with --to-exchange, or a queue with --to")
	case f.Most < 0:
		return nil, cli.Usagef("--max is %d; it must not be negative, and 0 is all", f.Most)
	}
	rate := 0.0
	if f.rate != "" {
		rate, err = strconv.ParseFloat(strings.TrimSuffix(f.rate, "/s"), 64)
		if err != nil || !(rate >= 0.001 && rate <= 1e9) {
			return nil, cli.Usagef("--rate is %q; it must be a number of messages a second, such as 100/s", f.rate)
		}
	}
	err = FirstError(checkName("--to", f.To), checkName("--to-exchange", f.Exchange), checkName("--routing-key", f.key))
	return &dlq.Redrive{
		Target: dlq.Target{Queue: f.To, Exchange: f.Exchange, Key: f.key}, Match: match, Max: f.Most, Rate: rate, DryRun: f.dryRun, Anyway: f.anyway,
	}, err
}

func redrive(ctx context.Context, a *cli.App, b dlq.Broker, queue string, job *dlq.Redrive, f RedriveFlags) error {
	r, err := dlq.Open(ctx, b, queue)
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(ctx)) // once more, where it was not closed
	if r.Depth > 0 && !f.yes && !f.dryRun && !Agreed(a, Question(queue, r.Depth, f)) {
		return cli.Usagef("nothing was sent")
	}
	screen := &console.Screen{W: a.Err}
	job.Log = slog.New(&console.TextHandler{W: screen, Level: slog.LevelWarn, Layout: console.TerminalTime, Color: a.Color()})
	started := time.Now()
	if a.Terminal() {
		job.Progress = func(d dlq.Result) { screen.Status(ProgressText(d, time.Since(started), a.Columns())) }
	}
	ctx, interrupted, forget := untilSignal(ctx)
	defer forget()
	result, err := job.Run(ctx, r)
	screen.Status("")
	err = FirstError(err, r.Close(context.WithoutCancel(ctx)))
	if perr := a.Print(RedriveText(queue, result, f.dryRun, time.Since(started))); err == nil {
		err = perr
	}
	switch {
	case err != nil:
		return err
	case interrupted() && result.Sent+result.Unmatched+result.Failed() < result.Depth:
		return fmt.Errorf("interrupted: what was confirmed is out of the queue, the rest is in it")
	case result.Failed() > 0:
		return cli.Exit(cli.ExitRuntime)
	}
	return nil
}

// untilSignal ends the context with the first signal. The second one ends the process as if nobody had asked for signals.
func untilSignal(parent context.Context) (ctx context.Context, interrupted func() bool, forget func()) {
	ctx, stop := context.WithCancel(parent)
	watching, end := context.WithCancel(context.Background())
	signals, forgetSignals := cli.NotifySignals()
	go cli.WatchSignals(watching, parent, signals, func(os.Signal) {
		forgetSignals()
		stop()
	})
	return ctx, func() bool { return ctx.Err() != nil }, func() {
		end()
		forgetSignals()
		stop()
	}
}

// Question asks what must be agreed to.
func Question(queue string, depth int, f RedriveFlags) string {
	what := "the " + messages(depth)
	if len(f.Match) > 0 {
		what = "those that match of " + what
	}
	if f.Most > 0 {
		what = fmt.Sprintf("at most %s of %s", console.Thousands(int64(f.Most)), what)
	}
	where := "back where they came from"
	switch {
	case f.To != "":
		where = "to queue " + console.Quote(f.To)
	case f.Exchange != "":
		where = "to exchange " + console.Quote(f.Exchange)
	}
	return fmt.Sprintf("Send %s in queue %s %s? [y/N] ", what, console.Quote(queue), where)
}

// Agreed asks. What is no clear yes is a no.
func Agreed(a *cli.App, question string) bool {
	_, _ = fmt.Fprint(a.Err, question) // who cannot read it does not say yes
	answer, _ := bufio.NewReader(a.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}

// ProgressText is one line that fits into a terminal of that width; 0 is unknown.
func ProgressText(r dlq.Result, took time.Duration, width int) string {
	if width <= 0 {
		width = 80
	}
	const cells = 20
	done := cells
	if r.Depth > 0 {
		done = min(cells, cells*r.Seen/r.Depth)
	}
	line := fmt.Sprintf("[%s%s] %s of %s  %s sent  %s left  %s/s", strings.Repeat("#", done), strings.Repeat(".", cells-done),
		console.Thousands(int64(r.Seen)), console.Thousands(int64(r.Depth)), console.Thousands(int64(r.Sent)), console.Thousands(int64(r.Unmatched+r.Failed())),
		console.Thousands(progress.PerSecond(int64(r.Sent), took)))
	return line[:max(0, min(len(line), width-1))]
}

// RedriveText says how it came out.
func RedriveText(queue string, r dlq.Result, dryRun bool, took time.Duration) string {
	var s strings.Builder
	sent := "sent"
	if dryRun {
		sent = "would be sent"
	}
	fmt.Fprintf(&s, "queue %s: %s\n", console.Quote(queue), messages(r.Depth))
	writeRows(&s, [][2]string{
		{sent, console.Thousands(int64(r.Sent))}, {"do not match", console.Thousands(int64(r.Unmatched))}, {"stay", console.Thousands(int64(r.Failed()))},
		{"not looked at", console.Thousands(int64(r.Depth - r.Seen))}, {"time", took.Round(time.Millisecond).String()},
	})
	if dryRun {
		writeGroups(&s, r.Groups.Sorted(), time.Now())
	}
	var reasons [][2]string
	for why, n := range r.Kept {
		reasons = append(reasons, [2]string{console.Thousands(int64(n)), console.Escape(why)})
	}
	slices.SortFunc(reasons, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	if len(reasons) > 0 {
		s.WriteString("why messages stay\n")
		writeRows(&s, reasons)
	}
	return s.String()
}
