package cmd

import (
	"context"
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The image's health check is this command alone. One that is content with any answer, or asks another address, would keep a
// container that stands still, and its logs with it, for healthy.
func TestHealth(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.Error(w, "the acker of pipeline logs has not moved for 2m", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	at := strings.TrimPrefix(server.URL, "http://")
	gone := httptest.NewServer(nil)
	nobody := strings.TrimPrefix(gone.URL, "http://")
	gone.Close()

	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"well":          {[]string{"health", "--ready", at}, cli.ExitOK, ""},
		"stands still":  {[]string{"health", at}, cli.ExitRuntime, "has not moved for 2m"},
		"nobody there":  {[]string{"health", nobody}, cli.ExitRuntime, "connection refused"},
		"a URL":         {[]string{"health", server.URL + "/"}, cli.ExitRuntime, "has not moved for 2m"},
		"no address":    {[]string{"health", "ftp://localhost"}, cli.ExitUsage, `"ftp://localhost" is no address such as`},
		"two addresses": {[]string{"health", at, at}, cli.ExitUsage, "accepts at most 1 arg"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err strings.Builder
			code := Run(context.Background(), c.args, Streams{In: strings.NewReader(""), Out: &out, Err: &err})
			if code != c.code || out.Len() > 0 || !strings.Contains(err.String(), c.says) || (c.says == "") != (err.Len() == 0) {
				t.Errorf("exit code %d, want %d; it says %q %q, want %q", code, c.code, out.String(), err.String(), c.says)
			}
		})
	}
}
