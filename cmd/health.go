package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/config"
)

// healthTimeout is below that of the image's HEALTHCHECK, so that the answer is ours and says what is wrong.
const healthTimeout = 3 * time.Second

func healthCommand(a *cli.App) *cobra.Command {
	ready := false
	c := &cobra.Command{
		Use:   "health [ADDR]",
		Short: "Ask a running logpipe whether it is well",
		Long: `Ask a running logpipe whether it is well: for health checks where there is no curl, as in
its own image. ADDR is the address of its HTTP side, ` + config.DefaultListen + ` unless its file
or --admin says another. It prints what is wrong and ends with 4, or prints nothing.`,
		Example: `  logpipe health
  logpipe health --ready 127.0.0.1:9700`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			at := config.DefaultListen
			if len(args) > 0 {
				at = args[0]
			}
			u, err := cli.Address(at)
			if err != nil {
				return err
			}
			path := "livez"
			if ready {
				path = "readyz"
			}
			return askHealth(c.Context(), u.JoinPath(path).String())
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "ask whether its pipelines are built, not whether they live")
	return c
}

// askHealth is nil when the answer is 200.
func askHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return cli.Usagef("%v", err)
	}
	answer, err := cli.Client().Do(request)
	if err != nil {
		return err // it says what was asked for
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s: %s", url, answer.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
