package admin

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/servers"
)

const (
	rulesFile     = "../../monitoring/rules.yaml"
	rulesTests    = "../../monitoring/rules_test.yaml"
	dashboardFile = "../../dashboards/logpipe.json"
	guideFile     = "../../docs/operations.md"
)

// An alert that never fires, or always, is found when it is too late. The tests of the rules say what fires when, and what does not.
func TestRules(t *testing.T) {
	tool := servers.Promtool(t)
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", rulesTests}} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// An alert is routed by labels that others put on it: cluster, namespace, job, team. A rule that names the labels that it keeps drops those, and two
// environments become one alert. So rules name what they leave out.
func TestRulesKeepLabels(t *testing.T) {
	rules, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(rulesTests)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^.*\b(?:by|on|group_left|group_right) ?\(.*$`).FindAll(rules, -1) {
		if !strings.HasPrefix(strings.TrimSpace(string(m)), "#") && !strings.Contains(string(m), "description:") {
			t.Errorf("a rule names the labels that it keeps, and drops all others: %s", m)
		}
	}
	_, routed, found := strings.Cut(string(tests), "prod and staging are told apart")
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1) {
		if name := string(m[1]); name != "LogpipeAbsent" && (!found || !strings.Contains(routed, `alertname="`+name+`"`)) { // what is absent has no labels
			t.Errorf("no test says what %s is routed by", name)
		}
	}
}

// A name that no process exports makes an alert that never fires, and a panel that stays empty.
func TestMonitoringKnowsTheMetrics(t *testing.T) {
	known := exported(t)
	for _, path := range []string{rulesFile, rulesTests, dashboardFile} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, name := range regexp.MustCompile(`\blogpipe_[a-z_]+`).FindAllString(string(text), -1) {
			found++
			base := name
			for _, end := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, end)
			}
			if !known[name] && !known[base] {
				t.Errorf("%s speaks of %s, which is no metric of logpipe", filepath.Base(path), name)
			}
		}
		if found == 0 {
			t.Errorf("%s speaks of no metric", path)
		}
	}
}

// exported are the names of all metrics.
func exported(t *testing.T) map[string]bool {
	text, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(logpipe_[a-z_]+)\{`).FindAllSubmatch(text, -1) {
		names[string(m[1])] = true
	}
	return names
}

// Who is called at night follows the runbook of the alert. A link that leads nowhere costs the minutes that count.
func TestRunbooks(t *testing.T) {
	guide, err := os.ReadFile(guideFile)
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllSubmatch(guide, -1) {
		kept := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(string(m[1])), "")
		anchors[strings.ReplaceAll(kept, " ", "-")] = true
	}
	rules, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1)
	runbooks := regexp.MustCompile(`runbook: docs/operations\.md#([a-z0-9-]+)`).FindAllSubmatch(rules, -1)
	if len(alerts) == 0 || len(runbooks) != len(alerts) {
		t.Errorf("%d alerts have %d runbooks in docs/operations.md", len(alerts), len(runbooks))
	}
	for _, m := range runbooks {
		if !anchors[string(m[1])] {
			t.Errorf("a runbook leads to docs/operations.md#%s, which is not there", m[1])
		}
	}
	for _, m := range alerts {
		if !strings.Contains(string(guide), string(m[1])) {
			t.Errorf("docs/operations.md does not speak of %s", m[1])
		}
	}
}

// dashboard is what a test looks at of a dashboard.
type dashboard struct {
	UID           string
	Title         string
	SchemaVersion int
	Panels        []panel
	Templating    struct {
		List []struct {
			Name  string
			Query any
		}
	}
}

type panel struct {
	ID          int
	Type, Title string
	Datasource  *struct{ UID string }
	FieldConfig struct{ Defaults struct{ Unit string } }
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ Expr string }
}

// A dashboard that cannot be imported, or whose queries Prometheus does not understand, is found when somebody needs it.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 38 {
		t.Errorf("uid %q, title %q, schema %d: Grafana 10 cannot import it by these", d.UID, d.Title, d.SchemaVersion)
	}
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	ids, queries := map[int]bool{}, 0
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for _, p := range d.Panels {
		if ids[p.ID] || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q: its id is used twice, or it has no place of its own: %+v", p.Title, p.GridPos)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if p.Datasource == nil || p.Datasource.UID != "${datasource}" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("panel %q has a data source of its own, no unit, or no query", p.Title)
		}
		for _, q := range p.Targets {
			queries++
			for _, v := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if !variables[v[1]] {
					t.Errorf("panel %q asks with the variable %s, which is not there", p.Title, v[0])
				}
			}
			expr := strings.NewReplacer("$__rate_interval", "5m", "$pipeline", ".*", "$instance", ".*", "$job", "logpipe").Replace(q.Expr)
			fmt.Fprintf(&rules, "  - record: query:%d\n    expr: %q\n", queries, expr)
		}
	}
	if queries < 30 {
		t.Errorf("only %d queries were found", queries)
	}
	file := filepath.Join(t.TempDir(), "queries.yaml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(servers.Promtool(t), "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("Prometheus does not understand a query of the dashboard: %v\n%s", err, out)
	}
}
