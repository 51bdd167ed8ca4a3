package deadletters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/plugins/dlq"
)

type showFlags struct {
	at, most            int
	id                  string
	asJSON, raw, anyway bool
}

func dlqShowCommand(a *cli.App) *cobra.Command {
	var f dlqFlags
	var show showFlags
	c := &cobra.Command{
		Use:   "show [QUEUE]",
		Short: "Show one message with its properties, headers and body",
		Long: `Show one message of a dead-letter queue with its properties, headers and body: the first
one, or the one at a position, or with a message id. It stays in the queue, see
"logpipe dlq list".

What a terminal would obey, such as escape codes, is shown escaped. --raw writes the
body's bytes as they are, into a file or a pipe.
` + dlqAddress,
		Example: `  logpipe dlq show log_dlq --at 3
  logpipe dlq show log_dlq --id 4711 --raw > body`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkShow(a, c, show); err != nil {
				return err
			}
			b, queue, err := place(a, f, args)
			if err != nil {
				return err
			}
			return showMessages(c.Context(), a, b, queue, show)
		},
	}
	f.register(c)
	flags := c.Flags()
	flags.IntVar(&show.at, "at", 1, "the message at position `N`, the oldest is 1")
	flags.StringVar(&show.id, "id", "", "the first message with this message `ID`")
	flags.IntVar(&show.most, "max", dlqMost, "look for the id in the first `N` messages at most; 0 is all")
	flags.BoolVar(&show.raw, "raw", false, "write only the body, as it is")
	flags.BoolVar(&show.asJSON, "json", false, "write JSON")
	flags.BoolVar(&show.anyway, "anyway", false, "go on where messages were looked at very often: the queue has no delivery limit")
	return c
}

func checkShow(a *cli.App, c *cobra.Command, f showFlags) error {
	switch {
	case f.at < 1:
		return cli.Usagef("--at is %d; the first message is 1", f.at)
	case f.most < 0:
		return cli.Usagef("--max is %d; it must not be negative, and 0 is all", f.most)
	case c.Flags().Changed("at") && c.Flags().Changed("id"):
		return cli.Usagef("--at and --id both say which message: use one of them")
	case f.raw && f.asJSON:
		return cli.Usagef("--raw writes the body alone: use it or --json")
	case c.Flags().Changed("id") && f.id == "":
		return cli.Usagef("--id is empty")
	case f.raw && a.OutTerminal:
		return cli.Usagef("--raw would write the body to the terminal, which may obey what is in it: send it into a file or a pipe")
	}
	return nil
}

// errNotThere says that the queue has no such message.
var errNotThere = errors.New("there is no such message")

func showMessages(ctx context.Context, a *cli.App, b dlq.Broker, queue string, f showFlags) error {
	r, err := dlq.Open(ctx, b, queue)
	if err != nil {
		return err
	}
	most := f.at
	if f.id != "" {
		most = f.most
		if most == 0 {
			most = math.MaxInt
		}
	}
	var found *dlq.Letter
	position := 0
	seen, err := r.Look(ctx, most, f.anyway, func(at int, l *dlq.Letter) bool {
		if f.id != "" && l.ID == f.id || f.id == "" && at == f.at {
			found, position = l, at
		}
		return found == nil
	})
	if err = FirstError(err, r.Close(ctx)); err != nil {
		return err
	}
	switch {
	case found == nil:
		return fmt.Errorf("%w: looked at the first %s of queue %q, which has %d", errNotThere, messages(seen), queue, r.Depth)
	case f.raw:
		_, err := a.Out.Write(found.Body)
		return err
	case f.asJSON:
		return a.PrintJSON(jsonLetter(queue, position, found))
	}
	return a.Print(showText(queue, position, found))
}

// shownLetter is a message as JSON.
type shownLetter struct {
	Queue      string            `json:"queue"`
	At         int               `json:"at"`
	Origin     dlq.Origin        `json:"origin"`
	Error      string            `json:"error,omitempty"`
	Since      time.Time         `json:"since,omitzero"`
	Redriven   int64             `json:"redriven"`
	Properties map[string]string `json:"properties"`
	Headers    json.RawMessage   `json:"headers"`               // values as in the format envelope
	Body       *string           `json:"body,omitempty"`        // where it is UTF-8
	Base64     []byte            `json:"body_base64,omitempty"` // where it is not
}

func jsonLetter(queue string, at int, l *dlq.Letter) shownLetter {
	s := shownLetter{
		Queue: queue, At: at, Origin: l.Origin, Error: l.Error, Since: l.Since, Redriven: l.Redriven,
		Properties: map[string]string{}, Headers: l.JSONHeaders(),
	}
	for _, p := range l.Properties() {
		s.Properties[p.Name] = p.Value
	}
	if utf8.Valid(l.Body) {
		body := string(l.Body)
		s.Body = &body
	} else {
		s.Base64 = l.Body
	}
	return s
}

// showText is a message for people. Nothing in it can be taken for more than text.
func showText(queue string, at int, l *dlq.Letter) string {
	var s strings.Builder
	fmt.Fprintf(&s, "message %d of queue %s\n", at, console.Quote(queue))
	since := "-"
	if !l.Since.IsZero() {
		since = l.Since.Format(time.RFC3339)
	}
	writeRows(&s, [][2]string{
		{"reason", word(l.Reason)}, {"error", console.Escape(l.Error)}, {"from", from(l.Origin)}, {"since", since}, {"redriven", fmt.Sprint(l.Redriven)},
	})
	s.WriteString("properties\n")
	var rows [][2]string
	for _, p := range l.Properties() {
		rows = append(rows, [2]string{p.Name, console.Quote(p.Value)})
	}
	writeRows(&s, rows)
	s.WriteString("headers\n")
	rows = nil
	for name, v := range l.Headers() {
		rows = append(rows, [2]string{console.Escape(name), HeaderText(v)})
	}
	slices.SortFunc(rows, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	writeRows(&s, rows)
	fmt.Fprintf(&s, "body, %s bytes\n", console.Thousands(int64(len(l.Body))))
	body := strings.TrimSuffix(string(l.Body), "\n")
	for line := range strings.SplitSeq(body, "\n") {
		s.WriteString("  " + console.Escape(line) + "\n")
	}
	return s.String()
}

func writeRows(s *strings.Builder, rows [][2]string) {
	width := 0
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(row[0]))
	}
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(s, "  %-*s  %s\n", width, row[0], row[1])
		}
	}
}
