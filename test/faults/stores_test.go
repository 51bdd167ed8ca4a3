package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/stores"
	"github.com/logpipe/logpipe/test/world"
)

// Each kind of store refuses in each way, one after the other and under one process, and is well again in between: what it refuses goes to the
// file, and comes home as the same objects. What is particular to a store, such as asking to slow down as a matter of course, must not stand in the
// way of that: logs would stay in the file of a machine that may die.
func TestEachStoreRefuses(t *testing.T) {
	rows := append(slices.Clone(refusals), refusal{"loses the answer", proxy.LoseAnswer, "connection"}, refusal{"loses half of the answer", proxy.HangUpInAnswer, "connection"})
	for _, front := range stores.Fronts() {
		t.Run(front.Name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			fake := stores.Start(t, front)
			way := w.OnFake(fake)
			n := 30 // three batches
			if front.Limits || front.Before != nil {
				// One batch: one that a store refuses while it takes others has a back-off of its own. Large ones take their time.
				n = 10
			}
			p := w.Start(w.Env("RETRY_LIMIT=1", "BATCH_SIZE=10", "AWS_REGION="+fake.Region), w.Config(edited(t, storeSettings(front)...)))
			w.Says(p, "input is open")
			sent := 0
			for i, row := range rows {
				met := way.Met()
				way.Break(row.fault)
				w.Send("", "log_queue", sent+1, sent+n, smallOrLarge(front.Before != nil && i == 0))
				sent += n
				w.Until(row.name+": all is safe in the file", func() bool { return len(w.InFallback().Count) == n })
				if way.Met() == met {
					t.Errorf("%s: no upload met it", row.name)
				}
				way.Heal()
				w.Until(row.name+": the fallback is home", func() bool { return w.InFallback().Places == 0 })
			}
			settles(w, p, sent, 0)
			if front.Before != nil && !wasExpected(fake) {
				t.Error("no upload expected anything, so the test is not about a store that refuses that")
			}
		})
	}
}

// storeSettings are edits of pipeline.hcl for a front: the settings that docs/stores.md names, but the region, which comes from the environment.
func storeSettings(front stores.Front) []string {
	settings := "timeout = \"1s\"\n    "
	if !strings.HasPrefix(front.Settings, "region") && front.Settings != "" {
		settings += front.Settings + "\n    "
	}
	return []string{"workers ", settings + "workers ", `compression = "gzip"`, `compression = "none"`,
		`backoff     = "1s"`, `backoff     = "50ms"`, `max_backoff = "10s"`, `max_backoff = "100ms"`}
}

// smallOrLarge makes small bodies, or such that clients of S3 expect a word before they send a batch of them. A store that refuses that is asked once.
func smallOrLarge(large bool) func(seq int) string {
	padding := ""
	if large {
		padding = strings.Repeat("x", 2<<20/9)
	}
	return func(seq int) string { return fmt.Sprintf(`{"seq":%d,"source":"app1","padding":%q}`, seq, padding) }
}

func wasExpected(fake *stores.Store) bool {
	return slices.ContainsFunc(fake.Asked(), func(a stores.Asked) bool { return a.Header.Get("Expect") != "" })
}
