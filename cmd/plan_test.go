package cmd

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

// A plan that misses a change sends a reload into the night; one that shows a secret puts it into a ticket.
func TestPlan(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "stored")
	file := write(t, "fleet.hcl", staying("a", stored, 1)+staying("b", stored+"b", 1))
	p := start(t, nil, "run", "--admin", "127.0.0.1:0", file)
	addr := ""
	p.until("it listens", func() bool {
		if line := jsonLines(t, p.stderr())["status page, metrics and health"]; line != nil {
			addr = strings.Trim(strings.TrimPrefix(line["url"].(string), "http://"), "/")
		}
		return addr != ""
	})
	if got := command(t, nil, "plan", "--addr", addr, file); got.code != cli.ExitOK || !strings.Contains(got.out, "nothing changes") {
		t.Errorf("without a change: %+v", got)
	}
	next := write(t, "next.hcl", staying("a", stored, 2)+staying("c", stored+"c", 1))
	got := command(t, nil, "plan", "--addr", addr, next)
	if want := "restart a\n  output.sink: workers: \"1\" → \"2\"\nstart c\nstop b\n"; got.code != cli.ExitChanges || got.out != want {
		t.Errorf("exit code %d, want 5; it says\n%s%s", got.code, got.out, got.err)
	}
	if got := command(t, nil, "plan", "--json", "--addr", addr, next); got.code != cli.ExitChanges || !strings.Contains(got.out, `"old": "1"`) {
		t.Errorf("as JSON: %+v", got)
	}
	if got := command(t, nil, "plan", "--addr", addr, write(t, "wrong.hcl", "pipeline {}")); got.code != cli.ExitConfig {
		t.Errorf("with errors: %+v", got)
	}
	if got := command(t, nil, "plan", "--addr", "127.0.0.1:1", next); got.code != cli.ExitRuntime || !strings.Contains(got.err, "--addr") {
		t.Errorf("nobody answers: %+v", got)
	}
}

// costly is a pipeline with many partitions and little patience.
const costly = `pipeline "logs" {
  input "generator" {}
  processor "batch" {
    age          = "5s"
    partition_by = ["source"]
  }
  output "s3" {
    bucket      = "logs"
    key         = "logs/${batch.partition.source}/${batch.id}.ndjson"
    compression = "gzip"
  }
}
`

// runPlan is plan with the plugins that logpipe has.
func runPlan(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), append([]string{"plan"}, args...), Streams{Out: &o, Err: &e}, plugins.All...)
	return code, o.String(), e.String()
}

// People learn what a hundred partitions cost from a bill, unless somebody says it before.
func TestPlanCosts(t *testing.T) {
	file := write(t, "costly.hcl", costly)
	for name, args := range map[string][]string{
		"plan-costs.txt":       {"--rate", "100/s", "--partitions", "100", "--message-size", "500B", file},
		"plan-costs-given.txt": {"--rate", "5M/h", "--replicas", "3", "--compression-ratio", "8", "--retention", "1y", "--price", "put=0.0054", file},
	} {
		code, out, errs := runPlan(t, args...)
		if code != cli.ExitOK || errs != "" {
			t.Errorf("%s: exit code %d: %s", name, code, errs)
		}
		golden(t, name, out)
	}
	code, out, errs := runPlan(t, "--rate", "100/s", "--partitions", "100", "--json", file)
	var all []map[string]any
	if err := json.Unmarshal([]byte(out), &all); code != cli.ExitOK || err != nil || len(all) != 1 {
		t.Fatalf("as JSON: %d %v\n%s%s", code, err, out, errs)
	}
	month, size := all[0]["month"].(map[string]any), all[0]["message_bytes"].(map[string]any)
	if month["put_requests"] != 43.2e6 || month["cost_put_requests"] != 216.0 || size["from"] != "assumed" || len(all[0]["halving"].([]any)) != 2 {
		t.Errorf("as JSON: %s", out)
	}
	prices := write(t, "prices", "put = 10\nstorage = 0\n")
	if code, out, errs := runPlan(t, "--rate", "1/s", "--prices", prices, file); code != cli.ExitOK || !strings.Contains(out, "but put=10, storage=0") {
		t.Errorf("with a file of prices: %d\n%s%s", code, out, errs)
	}
	if code, out, errs := runPlan(t, "--rate", "1/s", write(t, "none.hcl", strings.Replace(costly, `output "s3" {
    bucket      = "logs"
    key         = "logs/${batch.partition.source}/${batch.id}.ndjson"
    compression = "gzip"
  }`, `output "stdout" {}`, 1))); code != cli.ExitOK || out != "no pipeline has an output \"s3\": nothing has a price here\n" {
		t.Errorf("without a store: %d\n%s%s", code, out, errs)
	}
}

func TestPlanCostsWrong(t *testing.T) {
	file := write(t, "costly.hcl", costly)
	for want, args := range map[string][]string{
		`--rate: "fast" is no rate of messages, such as 10000/s`: {"--rate", "fast", file},
		"--rate is empty": {"--rate", "", file},
		"--partitions is about costs: give the rate of messages":                   {"--partitions", "3", file},
		"--price is about costs":                                                   {"--price", "put=1", file},
		`--message-size: "big" is no size`:                                         {"--rate", "1/s", "--message-size", "big", file},
		`--retention: "forever" is no time`:                                        {"--rate", "1/s", "--retention", "forever", file},
		"--partitions: there cannot be -1":                                         {"--rate", "1/s", "--partitions", "-1", file},
		"--compression-ratio: 0.1 is none":                                         {"--rate", "1/s", "--compression-ratio", "0.1", file},
		`--price: there is no price "get"`:                                         {"--rate", "1/s", "--price", "get=1", file},
		`--price: "put" is no price`:                                               {"--rate", "1/s", "--price", "put", file},
		"--prices: open ":                                                          {"--rate", "1/s", "--prices", "missing", file},
		"line 2: there is no price":                                                {"--rate", "1/s", "--prices", write(t, "prices", "put=1\nx=1\n"), file},
		"no price is known of storage class EXPRESS_ONEZONE; give --price EXPRESS": {"--rate", "1/s", write(t, "class.hcl", strings.Replace(costly, "compression", "storage_class = \"EXPRESS_ONEZONE\"\n    compression", 1))},
		"a file or a folder":                                                       {"--rate", "1/s"},
	} {
		if code, out, errs := runPlan(t, args...); code != cli.ExitUsage || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%q: exit code %d, want 2 and %q; it says\n%s%s", args, code, want, out, errs)
		}
	}
}

// The rate of a process that runs, with its own settings and without a file.
func TestPlanCostsOfRunning(t *testing.T) {
	status := sampleStatus()
	status.Pipelines = status.Pipelines[1:2]
	p := &status.Pipelines[0]
	p.Written.Total = 9_360_000 // in 26 hours
	p.Steps[3].Gauges = map[string]float64{"compression_ratio": 8.25}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/status", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(status) })
	cfg, found := config.Load([]string{write(t, "costly.hcl", costly)}, config.Options{Plugins: plugins.All})
	if found.HasErrors() {
		t.Fatal(found)
	}
	mux.Handle("GET /api/config", config.Handler(func() config.Running {
		return config.Running{Salt: []byte("salt"), Pipelines: []config.Evaluated{cfg.Pipelines[0].Evaluate([]byte("salt"))}}
	}))
	server := httptest.NewServer(mux)
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	code, out, errs := runPlan(t, "--rate", "running", "--addr", addr)
	if code != cli.ExitOK || errs != "" {
		t.Errorf("exit code %d: %s", code, errs)
	}
	golden(t, "plan-costs-running.txt", out)
	other := write(t, "other.hcl", strings.Replace(costly, `"logs"`, `"others"`, 1))
	if code, _, errs := runPlan(t, "--rate", "running", "--addr", addr, other); code != cli.ExitRuntime || !strings.Contains(errs, `the running logpipe has no pipeline "others"`) {
		t.Errorf("another pipeline: %d %s", code, errs)
	}
	p.Written.Total = 0
	if code, _, errs := runPlan(t, "--rate", "running", "--addr", addr); code != cli.ExitRuntime || !strings.Contains(errs, "has written nothing") {
		t.Errorf("nothing written: %d %s", code, errs)
	}
	if code, _, errs := runPlan(t, "--rate", "running", "--addr", "127.0.0.1:1"); code != cli.ExitRuntime || !strings.Contains(errs, "--addr") {
		t.Errorf("nobody answers: %d %s", code, errs)
	}
}
