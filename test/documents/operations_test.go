package documents

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

// The guide says which rows and variables the dashboard has, so that whoever is called knows where to look.
func TestDashboardIsAsDescribed(t *testing.T) {
	var d struct {
		Panels     []struct{ Type, Title string }
		Templating struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(read(t, root+"/dashboards/logpipe.json")), &d); err != nil {
		t.Fatal(err)
	}
	var rows, variables []string
	for _, p := range d.Panels {
		if p.Type == "row" {
			rows = append(rows, "*"+p.Title+"*")
		}
	}
	for _, v := range d.Templating.List {
		if v.Name != "datasource" { // which is chosen at the import
			variables = append(variables, v.Name)
		}
	}
	list := func(words []string) string {
		return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
	}
	text := strings.Join(strings.Fields(one(t, "docs/operations.md").text), " ")
	if said := fmt.Sprintf("Its rows are %s; its variables are %s.", list(rows), list(variables)); !strings.Contains(text, said) {
		t.Errorf("docs/operations.md should say: %s", said)
	}
}

var (
	logLine = regexp.MustCompile(`(?m)^\S+Z (?:INFO|WARN|ERROR)  ?(.*?) [a-z]+=`)
	nextIs  = regexp.MustCompile(`next="([^"]*)"`)
)

// The outage in the guide is one that was. Its lines must be those that the program would say today, or nobody recognises his own.
func TestLinesOfTheOutageAreThoseOfTheProgram(t *testing.T) {
	source, found := program(t), 0
	for _, block := range one(t, "docs/operations.md").blocks("text") {
		for _, m := range append(logLine.FindAllStringSubmatch(block, -1), nextIs.FindAllStringSubmatch(block, -1)...) {
			if found++; !said(source, m[1]) {
				t.Errorf("docs/operations.md shows the line %q, which the program does not say", m[1])
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d lines are shown", found)
	}
}

// inFlight is what a pipeline may have in flight.
func inFlight(t *testing.T, text string) (messages int, bytes int64) {
	t.Helper()
	env := map[string]string{"S3_BUCKET": "logs", "BATCH_SIZE": "1000", "MAX_WORKERS": "5"}
	cfg, found := config.LoadSource("pipeline.hcl", []byte(text), config.Options{Plugins: plugins.All, LookupEnv: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}})
	if found.HasErrors() {
		t.Fatal(found.All())
	}
	return cfg.Pipelines[0].Capacity().Messages, cfg.Pipelines[0].InFlight()
}

// Containers are sized by these sums.
func TestSumsOfMemoryAndPrefetch(t *testing.T) {
	batch := func(attributes string) string {
		return within("processor \"batch\" {\n"+attributes+"\n}\n", "processor")
	}
	_, plain := inFlight(t, batch(""))
	_, parted := inFlight(t, batch(`partition_by = ["source"]`))
	messages, shipped := inFlight(t, read(t, root+"/pipeline.hcl"))
	bound := int64(math.Round((40e6 + 2.5*float64(shipped)) / 1e6))
	for page, says := range map[string][]string{
		"docs/operations.md": {fmt.Sprintf("with the batch processor's defaults %d MiB, with `partition_by` %d MiB", plain>>20, parted>>20)},
		"k8s/README.md": {
			fmt.Sprintf("With the shipped pipeline and five workers that is %d MiB, so %d MB", shipped>>20, bound),
			fmt.Sprintf("With 1000 and 5 that is %d,%03d messages", messages/1000, messages%1000),
		},
	} {
		for _, text := range says {
			if !strings.Contains(one(t, page).text, text) {
				t.Errorf("%s should say: %s", page, text)
			}
		}
	}
}

// The table of alerts has those that the program has, by the names of the code.
func TestAlertsAreThoseOfTheProgram(t *testing.T) {
	var told []string
	for _, row := range one(t, "docs/operations.md").rows(t, "### Alert blocks") {
		told = append(told, spans(row[0])...)
	}
	var there []string
	for _, m := range regexp.MustCompile(`"(Logpipe[A-Z][A-Za-z]+)"`).FindAllStringSubmatch(program(t), -1) {
		if !slices.Contains(there, m[1]) {
			there = append(there, m[1])
		}
	}
	slices.Sort(told)
	slices.Sort(there)
	if !slices.Equal(told, there) || len(there) == 0 {
		t.Errorf("docs/operations.md has the alerts %v, the program %v", told, there)
	}
}
