package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
	"github.com/logpipe/logpipe/plugins/outputs/s3"
	"github.com/logpipe/logpipe/test/servers"
)

// oddValues are those of a field that people have, and those that a layout of name=value must not be broken by.
func oddValues() []string {
	all := []string{"app1", "x=y", "a=b=c", "=", "a/b", "a\\b", "50%", "%3D", "%zz", "a b", " a ", "a+b", "a&b", "a?b", "a#b", "a:b", "a*b", "'", "\"", "a'b\"c",
		"{a}", "[a]", "^", "~", "a~b", "$x", "${x}", ".", "..", ".a", "_", "__HIVE_DEFAULT_PARTITION__", "NULL", "null", "true", "1", "01", "1.50", "-1", "2026-01-02",
		"ä", "日本語", "🙂", "a\nb", "a\tb", "a\r", "\u0001", "\u007f", "\u0085", "\u2028", "a,b", "a;b", "a|b", "<a>", "@a", "!a", "(a)", "a`b", "UPPER", "unknown"}
	for c := rune(1); c < 0x80; c++ {
		all = append(all, "c"+string(c)+"c")
	}
	return all
}

// Objects of keys such as app=VALUE/ are read by who knows Hive's layout, and each value is what it was in the record: one "=" in one of them and
// DuckDB refuses the whole bucket.
func TestHiveLayoutIsReadByDuckDB(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil && !servers.InCI() {
		t.Skip("DuckDB is not tried, because npm, which installs it, is not there: ", err)
	}
	key := hiveKey(t)
	folder := t.TempDir()
	want := map[string]int{}
	for i, value := range oddValues() {
		if want[value]++; want[value] > 1 {
			continue
		}
		b := &engine.Batch{ID: fmt.Sprintf("b%d", i), Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Partition: engine.JoinPartition([]string{"app"}, []string{value})}
		name, err := key.Render(b)
		check(t, err)
		line, err := json.Marshal(map[string]string{"value": value})
		check(t, err)
		file := filepath.Join(folder, filepath.FromSlash(name))
		if strings.Count(name, "/") != 3 {
			t.Errorf("the key of %q has other steps: %s", value, name)
		}
		check(t, os.MkdirAll(filepath.Dir(file), 0o755))
		check(t, os.WriteFile(file, append(line, '\n'), 0o644))
	}
	reader := &client{name: "duckdb", command: node, file: "hive_reader.js"}
	var answer struct {
		Rows []struct {
			App   string
			Value *string
			N     int
		}
	}
	reader.call(t, "read", map[string]string{"folder": folder}, &answer)
	if len(answer.Rows) != len(want) {
		t.Errorf("%d values were written, and %d read", len(want), len(answer.Rows))
	}
	for _, r := range answer.Rows {
		if r.Value == nil || r.App != *r.Value || r.N != 1 {
			t.Errorf("%q is read as %v", r.App, text(r.Value))
		}
	}
}

// hiveKey is the template of such keys, as a configuration has it.
func hiveKey(t *testing.T) engine.Template {
	t.Helper()
	src := `pipeline "logs" {
  input "generator" {}
  processor "batch" {
    partition_by = ["@date", "app"]
  }
  output "s3" {
    bucket = "logs"
    key    = "logs/date=${batch.date}/app=${batch.partition.app}/${batch.id}.ndjson"
  }
}`
	c, found := config.LoadSource("a.hcl", []byte(src), config.Options{Plugins: plugins.All})
	if c == nil {
		t.Fatal(found)
	}
	return c.Pipelines[0].Blocks[2].Config.(*s3.Config).Key
}
