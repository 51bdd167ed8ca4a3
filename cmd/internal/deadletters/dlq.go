// Package deadletters is logpipe dlq: looking into a dead-letter queue, and sending what is in it back.
package deadletters

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins/dlq"
)

// dlqMost is how many messages list and show look at unless they are told otherwise.
const dlqMost = 10_000

const dlqAddress = `
The broker is that of RABBITMQ_URL, else the one on RABBITMQ_HOST, else this machine's.
--config takes broker and queue from the dead_letter block of a file. A password belongs
into RABBITMQ_URL and not into --url: the command line can be seen by everybody on the
machine.`

// dlqFlags say where the queue is.
type dlqFlags struct {
	url, file, pipeline string
	envFiles            []string
}

func (f *dlqFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.url, "url", "", "`URL` of the broker, such as amqps://host/vhost")
	flags.StringVar(&f.file, "config", "", "take broker and queue from the dead_letter block of `FILE`")
	flags.StringVar(&f.pipeline, "pipeline", "", "the pipeline of the file, where it has several with a dead-letter queue")
	flags.StringArrayVar(&f.envFiles, "env-file", nil, cli.EnvFileUsage)
	_ = c.RegisterFlagCompletionFunc("config", cli.CompleteFiles) // the flag exists
	c.ValidArgsFunction = cobra.NoFileCompletions
	c.Args = cobra.MaximumNArgs(1)
}

// Command is logpipe dlq.
func Command(a *cli.App) *cobra.Command {
	c := &cobra.Command{
		Use:   "dlq",
		Short: "Look into a dead-letter queue, and send what is in it back",
		Long: `Look into a dead-letter queue of RabbitMQ, and send what is in it back where it came
from.
` + dlqAddress,
		Example: `  logpipe dlq list log_dlq                 how many, why, where from, since when
  logpipe dlq show log_dlq --at 3          one message with all that is known of it
  logpipe dlq redrive log_dlq --dry-run    what would be sent back where`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.UnknownCommand(c, args)
			}
			c.SetOut(a.Err)
			_ = c.Help()
			return cli.Exit(cli.ExitUsage)
		},
	}
	c.AddCommand(dlqListCommand(a), dlqShowCommand(a), dlqRedriveCommand(a))
	return c
}

// place finds the broker and the queue.
func place(a *cli.App, f dlqFlags, args []string) (b dlq.Broker, queue string, err error) {
	lookup, err := a.Environment(f.envFiles)
	if err != nil {
		return b, "", err
	}
	switch {
	case f.file != "" && f.url != "":
		return b, "", cli.Usagef("--url and --config both say where the broker is: use one of them")
	case f.file == "" && f.pipeline != "":
		return b, "", cli.Usagef("--pipeline is one of a file: name the file with --config")
	case f.file != "":
		b, queue, err = placeOf(a, f, lookup)
	default:
		b, err = brokerAt(a, f.url, lookup)
	}
	if len(args) > 0 {
		queue = args[0]
	}
	if err == nil && queue == "" {
		err = cli.Usagef("which queue? Give its name, or a file that has it with --config")
	}
	if err == nil {
		err = checkName("the name of the queue", queue)
	}
	return b, queue, err
}

func checkName(what, name string) error {
	if err := dlq.CheckName(name); err != nil {
		return cli.Usagef("%s: %w", what, err)
	}
	return nil
}

func brokerAt(a *cli.App, url string, lookup func(string) (string, bool)) (dlq.Broker, error) {
	host, from := "", "--url"
	if url == "" {
		url, _ = lookup("RABBITMQ_URL")
		from = "RABBITMQ_URL"
	}
	if url == "" {
		host, _ = lookup("RABBITMQ_HOST")
		from = "RABBITMQ_HOST"
	}
	b, err := dlq.At(url, host, a.Version)
	if err != nil {
		return b, cli.Usagef("%s: %w", from, err)
	}
	return b, nil
}

// placeOf reads the dead_letter block of a file. Variables that other blocks need need not be set.
func placeOf(a *cli.App, f dlqFlags, lookup func(string) (string, bool)) (b dlq.Broker, queue string, err error) {
	cfg, err := a.Load([]string{f.file}, config.Options{LookupEnv: lookup, NoEnv: true})
	if err != nil {
		return b, "", err
	}
	var names, found []string
	for _, p := range cfg.Pipelines {
		names = append(names, p.Name)
		for i := range p.Blocks {
			broker, q, ok := dlq.Of(p.Blocks[i].Config, a.Version)
			if p.Blocks[i].Role != engine.RoleDeadLetter || !ok || f.pipeline != "" && f.pipeline != p.Name {
				continue
			}
			if unknown := p.Blocks[i].Unknown(); len(unknown) > 0 {
				return b, "", cli.Usagef("%s of the dead_letter of pipeline %q depends on a variable that is not set: set it, or use --env-file",
					strings.Join(unknown, ", "), p.Name)
			}
			b, queue = broker, q
			found = append(found, p.Name)
		}
	}
	switch {
	case f.pipeline != "" && len(found) == 0:
		return b, "", cli.Usagef("%s has no pipeline %q with a dead_letter \"amqp\"; it has %s", f.file, f.pipeline, cmp.Or(strings.Join(names, ", "), "none"))
	case len(found) == 0:
		return b, "", cli.Usagef("%s has no dead_letter \"amqp\"", f.file)
	case len(found) > 1:
		return b, "", cli.Usagef("%s has several pipelines with a dead_letter \"amqp\": choose with --pipeline one of %s", f.file, strings.Join(found, ", "))
	}
	return b, queue, nil
}
