package cmd

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/deadletters"
	"github.com/logpipe/logpipe/plugins/dlq"
	"github.com/logpipe/logpipe/plugins/outputs/amqp"
)

// What is typed wrongly must be told before a broker is asked, and nothing may be sent by a misunderstanding.
func TestDLQUsage(t *testing.T) {
	twoQueues := write(t, "two.hcl", strings.ReplaceAll(withDeadLetter, "NAME", "one")+strings.ReplaceAll(withDeadLetter, "NAME", "two"))
	none := write(t, "none.hcl", goodPipeline)
	unset := write(t, "unset.hcl", strings.ReplaceAll(strings.ReplaceAll(withDeadLetter, "NAME", "one"), `"amqp://127.0.0.1:1"`, `env("NOSUCH_URL")`))
	exchange := write(t, "exchange.hcl", strings.ReplaceAll(strings.ReplaceAll(withDeadLetter, "NAME", "one"), `queue = "dead"`, `exchange = "dlx"`))
	long := strings.Repeat("q", 256)
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{"dlq", cli.ExitUsage, "Look into a dead-letter queue"},
		{"dlq lsit q", cli.ExitUsage, `"logpipe dlq" has no command "lsit"; did you mean "list"?`},
		{"dlq list", cli.ExitUsage, "which queue?"},
		{"dlq list a b", cli.ExitUsage, "accepts at most 1 arg"},
		{"dlq list q --max -1", cli.ExitUsage, "--max is -1"},
		{"dlq list " + long, cli.ExitUsage, "256 bytes"},
		{"dlq list q --url amqp://u:geheim@h:x", cli.ExitUsage, "--url: "},
		{"dlq list q --url http://u:geheim@h", cli.ExitUsage, "begins with amqp://"},
		{"dlq list q --url amqp://u:geheim@127.0.0.1:1", cli.ExitRuntime, "connection refused"},
		{"dlq list q --pipeline x", cli.ExitUsage, "name the file with --config"},
		{"dlq list --config " + none, cli.ExitUsage, `has no dead_letter "amqp"`},
		{"dlq list --config nosuch.hcl", cli.ExitConfig, "cannot be read"},
		{"dlq list --config " + twoQueues, cli.ExitUsage, "--pipeline one of one, two"},
		{"dlq list --config " + twoQueues + " --pipeline three", cli.ExitUsage, `no pipeline "three" with a dead_letter "amqp"; it has one, two`},
		{"dlq list --config " + twoQueues + " --pipeline two", cli.ExitRuntime, "connection refused"},
		{"dlq list --config " + twoQueues + " --url amqp://h", cli.ExitUsage, "use one of them"},
		{"dlq list --config " + unset, cli.ExitUsage, "depends on a variable that is not set"},
		{"dlq list --config " + exchange, cli.ExitUsage, "which queue?"},
		{"dlq show q --at 0", cli.ExitUsage, "the first message is 1"},
		{"dlq show q --at 1 --id x", cli.ExitUsage, "--at and --id both"},
		{"dlq show q --raw --json", cli.ExitUsage, "use it or --json"},
		{"dlq show q --id=", cli.ExitUsage, "--id is empty"},
		{"dlq redrive q", cli.ExitUsage, "start with --yes"},
		{"dlq redrive q --yes --rate fast", cli.ExitUsage, `--rate is "fast"`},
		{"dlq redrive q --yes --rate 0", cli.ExitUsage, `--rate is "0"`},
		{"dlq redrive q --yes --rate NaN", cli.ExitUsage, `--rate is "NaN"`},
		{"dlq redrive q --yes --match reasn=x", cli.ExitUsage, `there is no field "reasn"`},
		{"dlq redrive q --yes --max -5", cli.ExitUsage, "--max is -5"},
		{"dlq redrive q --yes --routing-key k", cli.ExitUsage, "name it with --to-exchange"},
		{"dlq redrive q --yes --to a --to-exchange b", cli.ExitUsage, "--to and --to-exchange both"},
		{"dlq redrive q --yes --to " + long, cli.ExitUsage, "--to: it has 256 bytes"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got := commandOf(t, strings.Fields(tt.args)...)
			if got.code != tt.code || !strings.Contains(got.err, tt.says) || got.out != "" {
				t.Errorf("exit code %d, want %d and %q:\n%s%s", got.code, tt.code, tt.says, got.out, got.err)
			}
			if strings.Contains(got.err, "geheim") {
				t.Errorf("the password is shown: %s", got.err)
			}
		})
	}
}

const withDeadLetter = `pipeline "NAME" {
  input "numbers" {
    count = env("LOGPIPE_NOT_SET")
  }
  output "sink" {}
  dead_letter "amqp" {
    url   = "amqp://127.0.0.1:1"
    queue = "dead"
  }
}
`

// commandOf runs a command line with the amqp output among the plugins.
func commandOf(t *testing.T, args ...string) outcome {
	t.Helper()
	var out, err strings.Builder
	code := Run(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &err}, append(testPlugins(), amqp.Plugin)...)
	return outcome{code, out.String(), err.String()}
}

// The variables are those of pipeline.hcl.
func TestDLQAddress(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"host":             {map[string]string{"RABBITMQ_HOST": "nosuch.invalid"}, nil, "nosuch.invalid:5672"},
		"URL wins":         {map[string]string{"RABBITMQ_HOST": "nosuch.invalid", "RABBITMQ_URL": "amqp://u:geheim@127.0.0.1:1"}, nil, "u:xxxxx@127.0.0.1:1"},
		"flag wins":        {map[string]string{"RABBITMQ_URL": "amqp://nosuch.invalid"}, []string{"--url", "amqp://127.0.0.1:1"}, "127.0.0.1:1"},
		"env file":         {nil, []string{"--env-file", write(t, ".env", "RABBITMQ_URL=amqp://127.0.0.1:1\n")}, "127.0.0.1:1"},
		"TLS by URL":       {map[string]string{"RABBITMQ_URL": "amqps://127.0.0.1:1?cacertfile=nosuch.pem"}, nil, "nosuch.pem"},
		"wrong variable":   {map[string]string{"RABBITMQ_URL": "geheim"}, nil, "RABBITMQ_URL: the URL of a broker begins with amqp://"},
		"wrong host":       {map[string]string{"RABBITMQ_HOST": "a:b@c"}, nil, "RABBITMQ_HOST: this is more than the name of a host"},
		"missing env file": {nil, []string{"--env-file", "nosuch.env"}, "nosuch.env"},
	} {
		got := command(t, tt.env, append([]string{"dlq", "list", "q"}, tt.args...)...)
		if got.code == cli.ExitOK || !strings.Contains(got.err, tt.says) || strings.Contains(got.err, "geheim") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDLQHelp(t *testing.T) {
	for name, args := range map[string][]string{
		"help-dlq.txt": {"dlq", "--help"}, "help-dlq-list.txt": {"dlq", "list", "--help"}, "help-dlq-show.txt": {"help", "dlq", "show"}, "help-dlq-redrive.txt": {"dlq", "redrive", "-h"},
	} {
		got := command(t, nil, args...)
		if got.code != cli.ExitOK || got.err != "" {
			t.Errorf("%v: %+v", args, got)
		}
		golden(t, name, got.out)
	}
}

func TestListingText(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := deadletters.Listing{Queue: "log_dlq", Messages: 12345, Seen: 10000, Groups: []dlq.Group{
		{Origin: dlq.Origin{Reason: "rejected", Pipeline: "logs", Queue: "log_queue"}, Messages: 9990, Oldest: now.Add(-50 * time.Hour), Newest: now.Add(-5 * time.Second)},
		{Origin: dlq.Origin{Reason: "e\x1b[2Jvil", Exchange: "x", RoutingKey: "k k"}, Messages: 9, Oldest: now.Add(-90 * time.Minute), Newest: now.Add(-90 * time.Second)},
		{Messages: 1},
	}}
	golden(t, "dlq-list.txt", l.Text(now))
}

func TestRedriveText(t *testing.T) {
	r := dlq.Result{Depth: 10, Seen: 8, Sent: 3, Unmatched: 3, Kept: map[string]int{"b\x1b[2J": 1, "a": 1}, Groups: dlq.Groups{}}
	golden(t, "dlq-redrive.txt", deadletters.RedriveText("log_dlq", r, false, 1500*time.Millisecond))
	for width, want := range map[int]string{
		0:  "[################....] 8 of 10  3 sent  5 left  2/s",
		30: "[################....] 8 of 1",
		1:  "",
	} {
		if got := deadletters.ProgressText(r, 1500*time.Millisecond, width); got != want {
			t.Errorf("width %d: %q, want %q", width, got, want)
		}
	}
}

func TestQuestion(t *testing.T) {
	for want, f := range map[string]deadletters.RedriveFlags{
		`Send the 1,000 messages in queue q back where they came from? [y/N] `:                   {},
		`Send at most 5 of those that match of the 1,000 messages in queue q to queue b? [y/N] `: {Match: []string{"id=x"}, Most: 5, To: "b"},
		`Send those that match of the 1,000 messages in queue q to exchange "a b"? [y/N] `:       {Match: []string{"id=x"}, Exchange: "a b"},
		`Send at most 10 of the 1,000 messages in queue q back where they came from? [y/N] `:     {Most: 10},
	} {
		if got := deadletters.Question("q", 1000, f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for answer, want := range map[string]bool{"y\n": true, " Yes \n": true, "": false, "\n": false, "n\n": false, "yeah\n": false, "no yes\n": false} {
		a := &cli.App{Streams: Streams{In: strings.NewReader(answer), Err: &strings.Builder{}}}
		if deadletters.Agreed(a, "?") != want {
			t.Errorf("%q: %v", answer, !want)
		}
	}
}

// Who looks at a dead letter must see of which kind a header is: conditions and other clients tell 5 from "5".
func TestHeaderText(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		v    any
		want string
	}{
		{"text", "text"}, {"two words", `"two words"`}, {"", `""`}, {"5", `"5"`}, {"1e3", `"1e3"`}, {"NaN", `"NaN"`}, {"true", `"true"`}, {"null", `"null"`}, {"{}", `"{}"`},
		{"2026-01-02T03:04:05Z", `"2026-01-02T03:04:05Z"`}, {"\x1b[1m\xff", `"\x1b[1m\xff"`},
		{int64(5), "5"}, {uint64(math.MaxUint64), "18446744073709551615"}, {true, "true"}, {nil, "null"},
		{5.0, "5.0"}, {math.Copysign(0, -1), "-0.0"}, {1.5, "1.5"}, {1e300, "1e+300"}, {math.Inf(1), "+Inf"}, {math.NaN(), "NaN"},
		{[]byte("ab"), `bytes "ab"`}, {[]byte("\x00\xff"), `bytes "\x00\xff"`}, {[]byte{}, `bytes ""`},
		{at, "2026-01-02T03:04:05Z"}, {time.Unix(1<<40, 0).UTC(), "36812-02-20T00:36:16Z"},
		{[]any{}, "[]"}, {map[string]any{}, "{}"},
		{map[string]any{"b": []any{"x", nil, int64(1), []byte("y")}, "a": "\x1b"}, `{"a": "\x1b", "b": ["x", null, 1, bytes "y"]}`},
	} {
		if got := deadletters.HeaderText(tt.v); got != tt.want {
			t.Errorf("%#v is shown as %s, want %s", tt.v, got, tt.want)
		}
	}
}

func TestFirstError(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	if deadletters.FirstError(nil, a, b) != a || deadletters.FirstError(nil, nil) != nil {
		t.Error("not the first one")
	}
}
