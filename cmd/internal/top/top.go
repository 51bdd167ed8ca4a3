// Package top is logpipe top: the status of a process on a terminal.
package top

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine/admin/page"
	"github.com/logpipe/logpipe/engine/config"
)

// Command is logpipe top.
func Command(a *cli.App) *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use:   "top [ADDR]",
		Short: "Show what running pipelines do, once a second",
		Long: `Show what the pipelines of a running logpipe do: the same as its status page, for
a terminal. ADDR is the address of its HTTP side, ` + config.DefaultListen + ` unless its file or
--admin says another.

What is in trouble stands on top. q or Ctrl-C ends it. Where the output is no terminal,
and with --once, it is printed once as plain text; the exit code is then 0 also when a
pipeline is in trouble.`,
		Example: `  logpipe top
  logpipe top 10.0.0.7:9600
  logpipe top --once | grep FAILS`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			at, err := statusURL(args)
			if err != nil {
				return err
			}
			if out, ok := a.Out.(*os.File); ok && a.OutTerminal && !once && terminalIsCapable(a) {
				return watchTop(c.Context(), a, out, at)
			}
			return printTop(c.Context(), a, at)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "print it once, as plain text")
	return c
}

func terminalIsCapable(a *cli.App) bool {
	name, _ := a.LookupEnv("TERM")
	return name != "dumb"
}

// statusURL is where the status of the process at an address is.
func statusURL(args []string) (*url.URL, error) {
	at := config.DefaultListen
	if len(args) > 0 {
		at = args[0]
	}
	u, err := cli.Address(at)
	if err != nil {
		return nil, err
	}
	return u.JoinPath("api", "status"), nil
}

// How long an answer may take, and how large it may be.
const (
	topTimeout = 5 * time.Second
	topMost    = 64 << 20
)

// askStatus asks a process what it does.
func askStatus(ctx context.Context, at *url.URL) (*page.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, topTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String()+"?history=no", nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", at.Host, err)
	}
	resp, err := cli.Client().Do(req)
	if err != nil {
		return nil, unreached(at, err)
	}
	defer resp.Body.Close()
	body := io.LimitReader(resp.Body, topMost)
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(body, 300)) // what there is of it
		return nil, fmt.Errorf("%s answers %s: %s", at.Host, resp.Status, console.Escape(strings.TrimSpace(string(text))))
	}
	var s page.Status
	if err := json.NewDecoder(body).Decode(&s); err != nil || s.Now.IsZero() {
		return nil, fmt.Errorf("what answers at %s is no logpipe, or one of another version; give the address of its admin block", at.Host)
	}
	return &s, nil
}

// unreached says why nobody answers, and what to do.
func unreached(at *url.URL, err error) error {
	var lookup *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: either no logpipe runs there, or its file says another address, admin { listen = \"…\" }; "+
			"its log has a line \"status page, metrics and health\" with the address", at.Host)
	case errors.As(err, &lookup):
		return fmt.Errorf("no machine is named %s", at.Hostname())
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer within %v: is the address right, and may this machine reach it?", at.Host, topTimeout)
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Errorf("ask %s: %w", at.Host, err)
}

// printTop prints the status once, as plain text.
func printTop(ctx context.Context, a *cli.App, at *url.URL) error {
	s, err := askStatus(ctx, at)
	if err != nil {
		return err
	}
	v := TopView{Width: PlainWidth}
	return a.Print(strings.Join(v.Lines(s), "\n") + "\n")
}

// PlainWidth is for output that is no terminal: nothing is cut.
const PlainWidth = 10_000
