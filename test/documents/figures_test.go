package documents

import (
	"path/filepath"
	"strings"
	"testing"
)

// figures are sentences with a number that is a constant of the code, or a sum of some. Who changes the one is led to the other.
var figures = []struct{ page, says, file, code string }{
	{"README.md", "(`rotate_bytes`, 256 MiB unless set)", "plugins/outputs/file/recovery.go", "fallbackRotate = 256 << 20"},
	{"README.md", "at most 256 messages are in both", "plugins/dlq/read.go", "sentRound     = 255 "},
	{"README.md", "`drain_timeout` (30s)", "engine/config/internal/schema/roles.go", "30 * time.Second"},
	{"README.md", "half of it for the output", "engine/flow/drain.go", "time.AfterFunc(d/2, "},
	{"docs/operations.md", "tries again every 10 s.", "engine/admin/server.go", "listenAgain  = 10 * time.Second"},
	{"docs/operations.md", "There are 200 connections\nat most", "engine/admin/server.go", "connections   = 200"},
	{"docs/operations.md", "At most 32 pages at a\ntime", "engine/admin/page/events.go", "maxStreams = 32"},
	{"docs/operations.md", "a write has not come back for 10 s", "engine/admin/page/judge.go", "slow = 10 * time.Second"},
	{"docs/operations.md", "does not tell its state within 1 s", "engine/stats/look.go", "LookTimeout = time.Second"},
	{"docs/operations.md", "has not come back for 15 minutes | a liveness", "engine/admin/health.go", "stuckAfter = 15 * time.Minute"},
	{"docs/operations.md", "again, after 1 s to 1 minute", "engine/alert/post.go", "firstPause = time.Second\n\tmostPause  = time.Minute"},
	{"docs/operations.md", "posted again each minute, valid for 4 minutes", "engine/alert/alertmanager.go", "keepAlive = time.Minute"},
	{"docs/operations.md", "posted for at most 3 seconds", "engine/alert/engine.go", "grace = 3 * time.Second"},
	{"docs/operations.md", "`GOGC` | 150 |", "cmd/internal/memory/memory.go", "gcPercent = 150"},
	{"docs/operations.md", "**40 MB + 2.5 × the bytes in flight**", "cmd/internal/memory/memory.go", "base = 40_000_000"},
	{"docs/operations.md", "each worker beyond eight of all outputs may take 2.5 MB", "cmd/internal/memory/memory.go", "eachWorker  = 2_500_000\n\tsomeWorkers = 8"},
	{"docs/operations.md", "more than a quarter of the processors", "cmd/internal/memory/watch.go", "tooMuch = 0.25"},
	{"docs/operations.md", "how far, each 10 s", "engine/internal/recovery/homecoming.go", "homecomingEvery = 10 * time.Second"},
	{"docs/operations.md", "with a pause that grows to a minute", "engine/flow/supervise.go", "Most: time.Minute"},
	{"docs/operations.md", "bytes a second of the last 10 seconds", "engine/admin/page/sampler.go", "rateTicks   = 10"},
	{"docs/operations.md", "the last 15 minutes, a point each 5 seconds", "engine/admin/page/sampler.go", "pointTicks  = 5\n\tpoints      = 180"},
	{"docs/operations.md", "**Six pipelines or more** have a line each", "engine/admin/page/page.js", "all.length >= 6"},
	{"docs/operations.md", "32 bits of an HMAC", "engine/config/evaluated.go", "mac.Sum(nil)[:4]"},
	{"docs/performance.md", "`open_messages` (ten times `count`, at least 5000)", "plugins/processors/batch/config.go", "max(10*c.Count, 5000)"},
	{"docs/performance.md", "+ one chunk, at most 65,535", "engine/config/build.go", "mostMessages  = 65_535"},
	{"k8s/README.md", "× (`MAX_WORKERS` + 1) + 256.", "engine/config/build.go", "chunkMessages = 256"},
	{"docs/testing.md", "is given up: the input is finished, which closes open batches, and an hour later", "engine/pipetest/source.go", "settleLimit = time.Hour\n\tdrainLimit  = time.Hour"},
	{"docs/testing.md", "about a millisecond of the test's clock", "engine/pipetest/store.go", "writeTime  = time.Millisecond"},
	{"DESIGN.md", "holds the batch, back-off up to 10 s", "engine/internal/tries/backoff.go", "heldBackoffMost = 10 * time.Second"},
	{"DESIGN.md", "if nothing of it is settled for 20 s", "plugins/internal/rabbitmq/gate.go", "heldAtMost = 20 * time.Second"},
	{"DESIGN.md", "a quarter more than `max_in_flight_bytes`", "plugins/inputs/amqp/internal/credit/credit.go", "Slack = 4"},
	{"DESIGN.md", "four changes at most", "plugins/inputs/amqp/internal/credit/credit.go", "growth = 32"},
	{"DESIGN.md", "(16 MiB), and it grows by what was seen", "plugins/inputs/amqp/internal/credit/credit.go", "largest = 16 << 20"},
	{"DESIGN.md", "tries it again after 10 s to 10 min", "engine/internal/recovery/refused.go", "First: 10 * time.Second, Most: 10 * time.Minute"},
	{"DESIGN.md", "quiet after four changes within a minute each", "engine/internal/deliver/health.go", "flapMost   = 4"},
	{"DESIGN.md", "back-off up to 15 s between them", "engine/internal/tries/backoff.go", "Most: 15 * time.Second"},
	{"DESIGN.md", "until an eighth of the window is written", "engine/internal/intake/pressure.go", "pressParts = 8"},
	{"DESIGN.md", "with a back-off of 1 to 10 s", "engine/internal/intake/pressure.go", "pressFirst = time.Second\n\tpressMost  = 10 * time.Second"},
	{"DESIGN.md", "| 24 to 48 h, by chance |", "engine/internal/tries/backoff.go", "Most: 48 * time.Hour"},
	{"DESIGN.md", "if nobody else notices, 30 s", "engine/internal/tries/backoff.go", "Most: 30 * time.Second"},
	{"DESIGN.md", "for as long as there are 1,000 of them, or 4 MiB", "engine/internal/recovery/late.go", "recoverHeld  = 1000\n\trecoverBytes = 4 << 20"},
	{"DESIGN.md", "one pass; three batches in an outage", "engine/internal/recovery/recover.go", "lastDoubts = 3"},
	{"DESIGN.md", "an hour more while dead letters", "engine/internal/recovery/recover.go", "deadLetterPatience = time.Hour"},
	{"DESIGN.md", "until fewer than 1,000 are stuck", "engine/internal/deliver/deadletter.go", "deadLetterStuck = 1000"},
	{"DESIGN.md", "After a\nminute a batch leaves its worker anyway", "engine/internal/deliver/write.go", "holdAfter = time.Minute"},
	{"DESIGN.md", "The holder takes 1,000 messages", "engine/internal/deliver/hold.go", "holdMost = 1000"},
	{"DESIGN.md", "(8 for a branch, 1 MiB)", "engine/internal/deliver/probe.go", "probesMost      = 8"},
	{"DESIGN.md", "5 s for inputs, 5 s for outputs, 15 s in all", "engine/internal/life/life.go", "CloseTimeout = 5 * time.Second"},
	{"DESIGN.md", "| the next delivery | 2 ms |", "plugins/inputs/amqp/read.go", "grow = 2 * time.Millisecond"},
	{"DESIGN.md", "0.3 s, then 1 s to 15 s between tries", "plugins/inputs/amqp/succeed.go", "redeclareAfter = 300 * time.Millisecond"},
	{"DESIGN.md", "20 times its slowest answer, 250 ms at least", "plugins/inputs/amqp/grace.go", "graceLeast = 250 * time.Millisecond\n\tgraceMost  = 2 * time.Second\n\tgraceTimes = 20 "},
	{"DESIGN.md", "| the broker's good-bye | 5 s |", "plugins/internal/rabbitmq/connection.go", "closeTimeout = 5 * time.Second"},
	{"DESIGN.md", "13 MB + 2 times what may be in flight", "cmd/internal/memory/memory.go", "outside = 27_000_000"},
	{"DESIGN.md", "13 MB + 2 times what may be in flight", "cmd/internal/memory/memory.go", "aim = 2.0"},
	{"DESIGN.md", "quiet for ten seconds gives back", "cmd/internal/memory/watch.go", "watching = 10 * time.Second"},
	{"DESIGN.md", "is unpacked of it reaches 1 MiB", "plugins/inputs/amqp/inbox.go", "chunkBytes    = 1 << 20"},
	{"DESIGN.md", "has at most 16 KiB and 1000 parts", "engine/condition/condition.go", "maxLength = 16 << 10"},
	{"DESIGN.md", "the lists that it makes 100,000 elements", "engine/condition/condition.go", "memoryBudget = 100_000"},
	{"DESIGN.md", "look at counters and `Pipeline.State` every two seconds", "engine/alert/engine.go", "every = 2 * time.Second"},
	{"DESIGN.md", "were returned 15 times it stops", "plugins/dlq/list.go", "worn = 15"},
}

// A bound that a document gives and the code does not keep is worse than none: somebody has set a timeout or bought a disk by it.
func TestFiguresAreThoseOfTheCode(t *testing.T) {
	for _, f := range figures {
		if !strings.Contains(one(t, f.page).text, f.says) {
			t.Errorf("%s does not say %q any more: change this table", f.page, f.says)
		}
		if !strings.Contains(read(t, filepath.Join(root, f.file)), f.code) {
			t.Errorf("%s says %q, and %s has no %q any more", f.page, f.says, f.file, f.code)
		}
	}
}
