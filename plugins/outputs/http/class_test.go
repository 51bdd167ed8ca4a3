package http

import (
	"fmt"
	"testing"

	"github.com/logpipe/logpipe/engine"
)

// Alerts and the operators' guide go by these words: "server" is theirs to see to, "refused" is ours.
func TestClassesOfAnswers(t *testing.T) {
	for status, want := range map[int]string{
		202: "other", 301: "refused", 400: "refused", 401: "forbidden", 403: "forbidden", 404: "missing", 408: "timeout", 410: "missing",
		413: "too_large", 415: "refused", 422: "refused", 429: "throttled", 500: "server", 502: "server", 503: "throttled", 504: "server", 507: "full",
	} {
		if got := engine.ClassOf(fmt.Errorf("post: %w", &refusal{status: status})); got != want {
			t.Errorf("%d is counted as %q, want %q", status, got, want)
		}
	}
}
