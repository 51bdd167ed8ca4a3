package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/cmd/internal/cli"
)

// today is the date that keys have.
var today = regexp.MustCompile(`(logs/|date=)\d{4}-\d\d-\d\d/`)

func TestTry(t *testing.T) {
	lines := "{\"source\": \"app1\",\r\n\"event\":\"login_failed\"}"
	for _, tt := range []struct {
		name     string
		args     []string
		in       string
		env      map[string]string
		code     int
		out, err string
	}{
		{"stored", []string{"--record", lines}, "", map[string]string{"S3_BUCKET": "b"}, cli.ExitOK,
			`{"source": "app1",\r\n"event":"login_failed"}
  processor.json   changes nothing but how it is written
  processor.batch  puts it into batch-0001, sealed by age, of the partition date=DATE/source=app1
  output.s3        stores it as logs/DATE/app1/batch-0001.ndjson.gz: {"source":"app1","event":"login_failed"}
`, ""},
		{"lines", nil, "{\"source\":\"a/b\"}\nnope\n", map[string]string{"S3_BUCKET": "b"}, cli.ExitOK,
			`{"source":"a/b"}
  processor.json   passes it as it is
  processor.batch  puts it into batch-0001, sealed by age, of the partition date=DATE/source=a%2Fb
  output.s3        stores it as logs/DATE/a%2Fb/batch-0001.ndjson.gz: {"source":"a/b"}
nope
  processor.json    rejects it: invalid JSON at byte 1: unexpected character 'o' in a literal, want null
  dead_letter.amqp  takes it as a dead letter in dlx/log_dlq
`, ""},
		{"stand-ins", []string{"--record", "1"}, "", nil, cli.ExitOK,
			`1
  processor.json   passes it as it is
  processor.batch  puts it into batch-0001, sealed by age, of the partition date=DATE/source=unknown
  output.s3        stores it as logs/DATE/unknown/batch-0001.ndjson.gz: 1
`, "S3_BUCKET is not set; \"s3-bucket\" stands in for it. --env S3_BUCKET=VALUE gives it a value.\n"},
		{"env", []string{"--record", "1", "--env", "S3_BUCKET=a/b"}, "", nil, cli.ExitConfig, "", `"a/b" is more than a name`},
		{"no env", []string{"--record", "1", "--env", "S3_BUCKET"}, "", nil, cli.ExitUsage, "", `--env is "S3_BUCKET"; write --env NAME=VALUE`},
		{"no header", []string{"--record", "1", "--header", "=x"}, "", nil, cli.ExitUsage, "", `--header is "=x"; write --header NAME=VALUE`},
		{"two files", []string{"other.hcl"}, "", nil, cli.ExitUsage, "", `"other.hcl" is one too many`},
		{"pipeline", []string{"--record", "1", "--pipeline", "lgos"}, "", map[string]string{"S3_BUCKET": "b"}, cli.ExitUsage, "", `Did you mean "logs"?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := real(t, Streams{In: strings.NewReader(tt.in)}, tt.env, append([]string{"try", "logs.hcl"}, tt.args...)...)
			got.out = today.ReplaceAllString(got.out, "${1}DATE/")
			if got.code != tt.code || got.out != tt.out || !strings.Contains(got.err, tt.err) || (tt.err == "") != (got.err == "") {
				t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
			}
		})
	}
	if got := real(t, Streams{In: strings.NewReader(""), InTerminal: true}, nil, "try", "logs.hcl"); got.code != cli.ExitUsage || !strings.Contains(got.err, "there is no record") {
		t.Errorf("%+v", got)
	}
}

// A pipeline from standard input or a pipe is looked at twice and can be read once: the second look found no pipeline.
func TestReadOnce(t *testing.T) {
	const pipeline = `pipeline "logs" {
  input "generator" {}
  output "file" {
    path = env("OUT")
  }
}
`
	tests := write(t, "two_test.hcl", "env = { OUT = \"o\" }\ntest \"one\" {\n send = [\"a\"]\n expect {\n output = 1\n }\n}\ntest \"two\" {\n send = [\"b\"]\n expect {\n output = 1\n }\n}\n")
	for name, tt := range map[string]struct {
		in   string
		args []string
		code int
		says string
	}{
		"standard input":                     {pipeline, []string{"try", "-", "--record", "1"}, cli.ExitOK, "stores it as out: 1\n"},
		"a pipe":                             {"1\n", []string{"try", pipe(t, pipeline)}, cli.ExitOK, "stores it as out: 1\n"},
		"pipeline and records":               {pipeline, []string{"try", "-"}, cli.ExitUsage, "give a record by --record"},
		"two tests of standard input":        {pipeline, []string{"test", "-", tests}, cli.ExitOK, "ok: 2 tests"},
		"no tests of standard input":         {pipeline, []string{"test", "-"}, cli.ExitUsage, "name the file with its tests"},
		"fmt of a pipe":                      {"", []string{"fmt", pipe(t, "pipeline \"a\" {\n input \"x\" {}\n}\n")}, cli.ExitRuntime, "cannot be formatted in place"},
		"more than a configuration may have": {strings.Repeat("#", 1<<20+1), []string{"validate", "-"}, cli.ExitConfig, "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			got := real(t, Streams{In: strings.NewReader(tt.in)}, nil, tt.args...)
			if got.code != tt.code || !strings.Contains(got.out+got.err, tt.says) {
				t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
			}
		})
	}
}

// pipe is the path of a pipe out of which text comes, once.
func pipe(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(path, []byte(text), 0o600) }() // waits until somebody reads
	return path
}

// A script reads where a record ends.
func TestTryJSON(t *testing.T) {
	got := real(t, Streams{In: strings.NewReader("{\"source\":\"a\"}\nnope\n")}, nil, "try", "logs.hcl", "--json", "--header", "tenant=x", "--routing-key", "k", "--id", "7")
	d := json.NewDecoder(strings.NewReader(got.out))
	var ends []string
	for d.More() {
		var one struct {
			Record   string
			StandIns map[string]string `json:"stand_ins"`
			Places   map[string]struct{ Messages int }
			Steps    []struct{ Did string }
		}
		if err := d.Decode(&one); err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{"output", "dead_letter"} {
			if one.Places[place].Messages == 1 {
				ends = append(ends, one.Record+" "+place+" "+one.Steps[0].Did+" "+one.StandIns["S3_BUCKET"])
			}
		}
	}
	if want := `{"source":"a"} output passed s3-bucket|nope dead_letter rejected s3-bucket`; strings.Join(ends, "|") != want {
		t.Errorf("%q\n%s", ends, got.out)
	}
}
