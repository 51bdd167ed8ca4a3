package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
	"github.com/logpipe/logpipe/plugins/outputs/s3"
)

// storing is a pipeline into objects, with lines of its batch and a key.
func storing(t *testing.T, batch, key string) (engine.Template, string) {
	t.Helper()
	src := fmt.Sprintf("pipeline \"logs\" {\n input \"generator\" {}\n processor \"batch\" {\n %s\n }\n output \"s3\" {\n bucket = \"logs\"\n key = \"%s\"\n }\n}\n",
		batch, key)
	c, found := config.LoadSource("a.hcl", []byte(src), config.Options{Plugins: plugins.All})
	if c == nil {
		t.Fatalf("%s\n%s", src, text(found))
	}
	return c.Pipelines[0].Blocks[2].Config.(*s3.Config).Key, text(found)
}

// A key with a day that the messages of a batch do not share hides records from whoever reads that day.
func TestDayThatABatchDoesNotShare(t *testing.T) {
	for _, row := range []struct{ batch, key, want string }{
		{"", "logs/${batch.date}/${batch.id}", `Add "@date" to partition_by`},
		{"", "y=${batch.year}/${batch.id}", "batch.year is that of a batch's first message"},
		{"partition_by = [\"date\"]", "logs/${batch.date}/${batch.id}", `Add "@date"`}, // a field of the record
		{"partition_by = [\"@hour\"]", "logs/${batch.date}/${batch.id}", `Add "@date"`},
		{"", "logs/${batch.hour}/${batch.id}", `Add "@date" and "@hour"`},
		{"partition_by = [\"@date\"]", "logs/${batch.date}/${batch.hour}/${batch.id}", `Add "@hour"`},
		{"partition_by = [\"@date\"]", "logs/${batch.date}/${batch.day}/${batch.id}", ""},
		{"partition_by = [\"@date\", \"@hour\"]", "logs/${batch.date}/${batch.hour}/${batch.id}", ""},
		{"", "logs/${batch.id}", ""},
	} {
		_, said := storing(t, row.batch, row.key)
		if row.want == "" && said != "" || !strings.Contains(said, row.want) {
			t.Errorf("%s with %q is told: %s", row.key, row.batch, said)
		}
	}
}

// Dates and hours of a key are those of the zone by which the batches are grouped.
func TestZoneOfKeys(t *testing.T) {
	at := time.Date(2026, 3, 28, 23, 30, 0, 0, time.UTC)
	b := &engine.Batch{ID: "01J", Time: at, Partition: "date=2026-03-29/hour=00"}
	for zone, want := range map[string]string{
		`time_zone = "Europe/Berlin"`: "2026-03-29/00/2026-03-29/2026-03-29T00:30:00+01:00/01J",
		``:                            "2026-03-28/23/2026-03-29/2026-03-28T23:30:00Z/01J",
	} {
		key, _ := storing(t, "partition_by = [\"@date\", \"@hour\"]\n "+zone, "${batch.date}/${batch.hour}/${batch.partition.date}/${batch.time}/${batch.id}")
		if got, err := key.Render(b); err != nil || got != want {
			t.Errorf("%q: %s (%v), want %s", zone, got, err, want)
		}
	}
}

// Behind name= a value is escaped as Hive does; elsewhere, and in a part before, it is as it always was.
func TestHiveValues(t *testing.T) {
	for _, row := range []struct{ value, hive, plain string }{
		{"x=y", "x%3Dy", "x=y"},
		{"a:b*c?d'e\"f#g[h]i^j{k}", "a%3Ab%2Ac%3Fd%27e%22f%23g%5Bh%5Di%5Ej%7Bk%7D", "a:b*c?d'e\"f#g[h]i^j{k}"},
		{"a/b\\c%d\n", "a%2Fb%5Cc%25d%0A", "a%2Fb%5Cc%25d%0A"},
		{"a b+c&d~e", "a b+c&d%7Ee", "a b+c&d~e"},
		{"app1", "app1", "app1"},
	} {
		b := &engine.Batch{ID: "01J", Time: noonOfKeys, Partition: engine.JoinPartition([]string{"x"}, []string{row.value})}
		for key, want := range map[string]string{
			"logs/app=${batch.partition.x}/${batch.id}":                 "logs/app=" + row.hive + "/01J",
			"app=${batch.partition.x}-${batch.partition.x}/${batch.id}": "app=" + row.hive + "-" + row.hive + "/01J",
			"logs/${batch.partition.x}/a=1/${batch.id}":                 "logs/" + row.plain + "/a=1/01J",
			"logs/=${batch.partition.x}/${batch.id}":                    "logs/=" + row.plain + "/01J",
			"app=${format(\"%s:1\", batch.partition.x)}/${batch.id}":    "app=" + strings.ReplaceAll(row.hive, "%7E", "~") + "%3A1/01J",
		} {
			tpl, _ := storing(t, `partition_by = ["x"]`, key)
			if got, err := tpl.Render(b); err != nil || got != want {
				t.Errorf("%s of %q: %s (%v), want %s", key, row.value, got, err, want)
			}
		}
	}
	tpl, _ := storing(t, `partition_by = ["x"]`, "t=${batch.time}/app=${batch.partition.x}/${batch.id}")
	long := &engine.Batch{ID: "01J", Time: noonOfKeys, Partition: engine.JoinPartition([]string{"x"}, []string{strings.Repeat("=", 128)})}
	if got, _ := tpl.Render(long); len(got) > 200 || strings.Contains(got, "%~") || !strings.HasPrefix(got, "t=2026-01-02T12%3A00%3A00Z/app=%3D%3D") {
		t.Errorf("a long value: %s", got)
	}
}

var noonOfKeys = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
