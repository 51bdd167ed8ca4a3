// Package sleep waits as a context allows.
package sleep

import (
	"context"
	"time"
)

// For returns nil after d. It returns early, with the cause, when ctx ends; not at all later than that.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
