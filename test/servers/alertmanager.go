package servers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
)

// Alertmanager is a real Alertmanager for a test.
type Alertmanager struct {
	*server
	URL string
}

// OwnAlertmanager starts an Alertmanager with this configuration for a test, and ends it with the test. Its program is the one on the
// PATH, or Debian's package is installed. Where there is none the test is skipped, or fails if CI is set.
func OwnAlertmanager(tb testing.TB, config string) *Alertmanager {
	tb.Helper()
	a, err := start(tb, func(ctx context.Context, o Options) (*Alertmanager, error) { return startAlertmanager(ctx, o, config) }, Options{})
	check(tb, err)
	tb.Cleanup(func() {
		if err := a.Close(); err != nil {
			tb.Error(err)
		}
	})
	return a
}

func startAlertmanager(ctx context.Context, o Options, config string) (*Alertmanager, error) {
	program, err := alertmanager.locate(ctx, o)
	if err != nil {
		return nil, err
	}
	c, err := newChild("alertmanager", 1)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.dir.join("config.yml"), []byte(config), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write the configuration of the Alertmanager: %w", err), c.close())
	}
	address := c.ports[0].address()
	c.command = func() *exec.Cmd {
		return exec.Command(program, "--config.file="+c.dir.join("config.yml"), "--storage.path="+c.dir.join("data"),
			"--web.listen-address="+address, "--cluster.listen-address=")
	}
	a := &Alertmanager{URL: "http://" + address}
	a.server = &server{name: "the Alertmanager", probe: a.answers}
	a.server.run = c
	if err := a.Start(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// answers is nil once it takes alerts.
func (a *Alertmanager) answers(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+"/-/ready", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return nil
}
