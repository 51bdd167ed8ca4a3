package deadletters

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/plugins/dlq"
)

func dlqListCommand(a *cli.App) *cobra.Command {
	var f dlqFlags
	var most int
	var asJSON, anyway bool
	c := &cobra.Command{
		Use:   "list [QUEUE]",
		Short: "Count the messages by reason, origin and age",
		Long: `Count the messages of a dead-letter queue by reason, origin and age. They stay in the
queue, in their order. While it looks, other readers of the queue do not get them.

A quorum queue counts that a message was looked at as a delivery. One with a delivery
limit deletes a message that is delivered too often, so this command stops before that
of RabbitMQ 4 (20); a dead-letter queue should have no lower one.
` + dlqAddress,
		Example: `  logpipe dlq list log_dlq
  logpipe dlq list --config pipeline.hcl --json`,
		RunE: func(c *cobra.Command, args []string) error {
			b, queue, err := place(a, f, args)
			if err != nil {
				return err
			}
			l, err := look(c.Context(), b, queue, most, anyway)
			if l == nil {
				return err
			}
			if asJSON {
				err = FirstError(a.PrintJSON(l), err)
			} else {
				err = FirstError(a.Print(l.Text(time.Now())), err)
			}
			return err
		},
	}
	f.register(c)
	c.Flags().IntVar(&most, "max", dlqMost, "look at the first `N` messages at most; 0 is all")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.Flags().BoolVar(&anyway, "anyway", false, "go on where messages were looked at very often: the queue has no delivery limit")
	return c
}

// listing is what list shows.
type Listing struct {
	Queue    string      `json:"queue"`
	Messages int         `json:"messages"`      // in the queue that nobody had
	Seen     int         `json:"seen"`          // of them
	Complete bool        `json:"complete"`      // all were seen
	Returned int64       `json:"most_returned"` // how often one was delivered from the queue before, at most
	Groups   []dlq.Group `json:"groups"`
}

// look counts. What was seen before an error is there as well.
func look(ctx context.Context, b dlq.Broker, queue string, most int, anyway bool) (*Listing, error) {
	if most < 0 {
		return nil, cli.Usagef("--max is %d; it must not be negative, and 0 is all", most)
	}
	r, err := dlq.Open(ctx, b, queue)
	if err != nil {
		return nil, err
	}
	if most == 0 {
		most = r.Depth
	}
	l := &Listing{Queue: queue, Messages: r.Depth}
	groups := dlq.Groups{}
	l.Seen, err = r.Look(ctx, most, anyway, func(_ int, m *dlq.Letter) bool {
		groups.Add(m)
		l.Returned = max(l.Returned, m.Returned)
		return true
	})
	l.Complete, l.Groups = l.Seen >= l.Messages, groups.Sorted()
	return l, FirstError(err, r.Close(ctx))
}

// FirstError is the first of those that x-death and headers tell.
func FirstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Text is the listing for people.
func (l *Listing) Text(now time.Time) string {
	var s strings.Builder
	fmt.Fprintf(&s, "queue %s: %s\n", console.Quote(l.Queue), messages(l.Messages))
	writeGroups(&s, l.Groups, now)
	if !l.Complete {
		fmt.Fprintf(&s, "These are the first %s; --max says how many are looked at, and --max 0 looks at all.\n", messages(l.Seen))
	}
	return s.String()
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return console.Thousands(int64(n)) + " messages"
}

// writeGroups writes a table. What comes from messages is escaped.
func writeGroups(w io.Writer, groups []dlq.Group, now time.Time) {
	if len(groups) == 0 {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MESSAGES\tREASON\tFROM\tOLDEST\tNEWEST")
	for _, g := range groups {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", console.Thousands(int64(g.Messages)), word(g.Reason), from(g.Origin), age(now, g.Oldest), age(now, g.Newest))
	}
	_ = table.Flush() // whoever reads w is told by print
}

// word is a text of a message as one word, "-" where there is none.
func word(s string) string {
	if s == "" {
		return "-"
	}
	return console.Quote(s)
}

// from says where a message came from.
func from(o dlq.Origin) string {
	var parts []string
	if o.Queue != "" {
		parts = append(parts, "queue "+console.Quote(o.Queue))
	}
	if o.Exchange != "" {
		parts = append(parts, "exchange "+console.Quote(o.Exchange))
	}
	if o.RoutingKey != "" {
		parts = append(parts, "key "+console.Quote(o.RoutingKey))
	}
	if o.Pipeline != "" {
		parts = append(parts, "pipeline "+console.Quote(o.Pipeline))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// age is how long ago something was, in its two largest units.
func age(now, then time.Time) string {
	if then.IsZero() {
		return "-"
	}
	d := max(0, now.Sub(then))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}
