package faults

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// named is a pipeline whose records choose a part of the keys and paths.
const named = `
pipeline "names" {
  input "amqp" {
    url   = env("RABBITMQ_URL")
    queue = "log_queue"
  }
  processor "json" {}
  processor "batch" {
    age          = "500ms"
    partition_by = ["source", "@routing_key"]
  }
  output "%s" {
    %s
  }
  dead_letter "file" {
    path = env("DEAD")
  }
}
`

const (
	namedObjects = `bucket   = env("S3_BUCKET")
    endpoint = env("S3_ENDPOINT")
    key      = "inside/${batch.partition.source}/${batch.partition.routing_key}/${batch.id}.ndjson"`
	namedFiles = `path = "${env("DIR")}/inside/${batch.partition.source}/${batch.partition.routing_key}.ndjson"`
)

// sources are names that a producer may give, as a JSON text each.
var sources = []string{
	`..`, `.`, `../../../../etc/passwd`, `/etc/passwd`, `//`, `..\\..\\boot.ini`, `a/../../b`, `./`, `..%2f..%2fetc`, `%2e%2e`, `%00`, `a\u0000b`, `\u0000`,
	`a\nb`, `a\r\nb`, `\u001b[2J`, `\u007f`, `\u009b31m`, `\u2028`, `\u202egnp.exe`, `\ufeff`, `．．／`, `\u2024\u2024\u2215etc`, `e\u0301`, `é`, `\ud800`, "\xff\xfe", `-rf`, `~root`, `$HOME`,
	`${batch.id}`, `a b`, `*`, `?x=1#y`, `CON`, ` `, `.hidden`, `_`, `ordinary`, strings.Repeat("x", 2<<10), strings.Repeat("../", 700), strings.Repeat("ü", 1<<10), strings.Repeat("x", 255), `ünïcödé/日本`,
}

// What a record says can be a name in the place where it belongs, and nothing else: no other folder, no other bucket's prefix, nothing that
// a terminal obeys. It is the same name in every run, or one source would be in two places.
func TestNamesStayInTheirPlace(t *testing.T) {
	for kind, options := range map[string]string{"s3": namedObjects, "file": namedFiles} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			env := append(w.Env(), "DIR="+filepath.Join(w.Dir, "made"), "DEAD="+filepath.Join(w.Dir, "dead.ndjson"))
			file := w.Config(fmt.Sprintf(named, kind, options))
			var runs [2][]string
			for i := range runs {
				p := w.Start(env, file)
				w.Says(p, "input is open")
				publishSources(w)
				w.Taken("log_queue")
				w.Stops(p, 0)
				if kind == "s3" {
					runs[i] = w.Keys()
				} else {
					runs[i] = filesIn(t, w.Dir)
				}
			}
			if text, err := os.ReadFile(filepath.Join(w.Dir, "dead.ndjson")); err == nil && len(text) > 0 {
				t.Errorf("dead letters: %.1000s", text)
			}
			first, second := chosenNames(t, kind, runs[0]), chosenNames(t, kind, runs[1])
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("a second run has other names (-first +second):\n%s", diff)
			}
			if len(first) < len(sources)*9/10 { // two are unknown, and some are equal in their first 128 bytes
				t.Errorf("%d sources have %d names", len(sources), len(first))
			}
			if kind == "s3" {
				if got := w.Stored(); len(got.Count) != len(sources) || got.Twice() != len(sources) {
					t.Errorf("%d of %d messages are stored", len(got.Count), len(sources))
				}
			}
		})
	}
}

// publishSources sends a message for each source, with the source also as its routing key, as far as the broker lets that be one.
func publishSources(w *world.World) {
	w.TB.Helper()
	ch := channel(w)
	if err := ch.ExchangeDeclare("names", "fanout", true, false, false, false, nil); err != nil {
		w.TB.Fatal(err)
	}
	if err := ch.QueueBind("log_queue", "", "names", false, nil); err != nil {
		w.TB.Fatal(err)
	}
	for i, source := range sources {
		key := source[:min(len(source), 200)]
		for !utf8.ValidString(key) && len(key) > 2 {
			key = key[:len(key)-1]
		}
		m := amqp.Publishing{Body: fmt.Appendf(nil, `{"source":"%s","seq":%d}`, source, i+1), DeliveryMode: amqp.Persistent}
		c, err := ch.PublishWithDeferredConfirmWithContext(w.TB.Context(), "names", key, true, false, m)
		if err != nil {
			w.TB.Fatal(err)
		}
		if ok, err := c.WaitContext(w.TB.Context()); err != nil || !ok {
			w.TB.Fatalf("the broker did not take source %d: %v", i, err)
		}
	}
}

// chosenNames are the two steps of each name that a record has chosen. Whatever leaves its place is an error.
func chosenNames(t *testing.T, kind string, names []string) (chosen []string) {
	t.Helper()
	for _, name := range names {
		steps := strings.Split(name, "/")
		want := map[string]int{"s3": 4, "file": 3}[kind]
		if len(steps) != want || steps[0] != "inside" || len(name) > 1024 {
			t.Errorf("%q is not in its place", name)
			continue
		}
		for _, step := range steps {
			if step == "" || strings.HasPrefix(step, ".") || len(step) > 255 || !utf8.ValidString(step) || strings.ContainsFunc(step, unicode.IsControl) || strings.ContainsAny(step, "\\\u2028") {
				t.Errorf("%q has the step %q", name, step)
			}
		}
		chosen = append(chosen, steps[1]+"/"+strings.TrimSuffix(steps[2], ".ndjson"))
	}
	slices.Sort(chosen)
	return slices.Compact(chosen)
}

// filesIn are the files of a folder, but for those of the test itself, from the folder "made" on.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path) // it is in dir
		if err == nil && !d.IsDir() && name != "test.hcl" && name != "dead.ndjson" {
			names = append(names, strings.TrimPrefix(name, "made/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Logs are nobody else's business: what logpipe creates can be read by its user and group, whatever the umask lets through.
func TestFileModes(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	store := w.ThroughStore()
	store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	dir := filepath.Join(w.Dir, "made")
	file := w.Config(fmt.Sprintf(named, "s3", namedObjects) + `
pipeline "more" {
  input "generator" {
    count         = 500
    invalid_every = 10
  }
  processor "json" {}
  processor "batch" {
    count        = 10
    partition_by = ["source"]
  }
  output "file" {
    path         = "${env("DIR")}/deep/er/${batch.partition.source}.ndjson"
    compression  = "gzip"
    rotate_bytes = "1KiB"
  }
  dead_letter "file" {
    path = "${env("DIR")}/dead/letters.ndjson"
  }
}
pipeline "down" {
  input "generator" {
    count = 500
  }
  processor "batch" {
    count = 10
  }
  output "s3" {
    bucket   = env("S3_BUCKET")
    endpoint = env("S3_ENDPOINT")
    key      = "down/${batch.id}"
  }
  fallback "file" {
    path         = "${env("DIR")}/fallback/failed.ndjson"
    rotate_bytes = "4KiB"
  }
}
`)
	cmd := w.Command(append(w.Env(), "DIR="+dir, "DEAD="+filepath.Join(dir, "unused", "dead.ndjson")), file)
	cmd.Umask("000")
	cmd.Begin("output fails")
	w.Until("all of them are there", func() bool {
		fallback, _ := filepath.Glob(filepath.Join(dir, "fallback", "*")) // the pattern is right
		output, _ := filepath.Glob(filepath.Join(dir, "deep", "er", "*"))
		_, err := os.Stat(filepath.Join(dir, "dead", "letters.ndjson"))
		return len(fallback) > 3 && len(output) > 3 && err == nil
	})
	seen := modes(t, dir)
	cmd.End(syscall.SIGTERM)
	seen += modes(t, dir)
	if seen < 20 {
		t.Errorf("only %d files and folders were looked at", seen)
	}
}

// modes wants 0640 for all files of a folder and 0750 for all folders in it.
func modes(t *testing.T, dir string) (seen int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if os.IsNotExist(err) {
			return nil // it came home a moment ago
		}
		if err != nil {
			return err
		}
		want := fs.FileMode(0o640)
		if d.IsDir() {
			want = 0o750
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has the mode %v, want %v", path, got, want)
		}
		seen++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}
