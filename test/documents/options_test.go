package documents

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/plugins"
)

var (
	optionRow = regexp.MustCompile("(?m)^\\| `([a-z_.0-9]+)` \\| [^|]* \\|[^|]*\\| (.*) \\|$")
	oneOf     = regexp.MustCompile(`One of (.*)\.$`)
	setting   = regexp.MustCompile(`^([a-z][a-z0-9_]*)(?: = (.*))?$`)
	others    = []string{ // of RabbitMQ, and names in pipeline.hcl
		"frame_max", "net_ticktime", "pause_minority", "rabbitmq_consistent_hash_exchange", "rabbitmq_sharding", "log_queue", "log_dlq",
	}
)

// options are those of docs/plugins.md, which is made from the code, by their names without the blocks they stand in; with the values that each may
// have, where they are counted up.
func options(t *testing.T) map[string][]string {
	all := map[string][]string{}
	for _, m := range optionRow.FindAllStringSubmatch(one(t, "docs/plugins.md").text, -1) {
		name := m[1][strings.LastIndexByte(m[1], '.')+1:]
		values := all[name]
		if list := oneOf.FindStringSubmatch(m[2]); list != nil {
			values = append(values, spans(list[1])...)
		}
		all[name] = values
	}
	if len(all) < 100 {
		t.Fatalf("docs/plugins.md has %d options; is the pattern right?", len(all))
	}
	return all
}

// An option that a document names is one of the program's, and takes the value that is shown. What else has an underscore is a plugin, a metric, or a
// word that the program says.
func TestOptionsThatAreNamedAreThere(t *testing.T) {
	known, source, named := options(t), program(t), 0
	for _, p := range plugins.All {
		known[p.Name()] = nil
	}
	for _, p := range pages(t) {
		if p.name == "docs/plugins.md" {
			continue
		}
		for _, code := range spans(p.text) {
			m := setting.FindStringSubmatch(code)
			if m == nil || m[2] == "" && !strings.Contains(m[1], "_") || strings.HasPrefix(m[1], "logpipe_") {
				continue
			}
			named++
			values, there := known[m[1]]
			if !there && !slices.Contains(others, m[1]) && !strings.Contains(source, `"`+m[1]+`"`) {
				t.Errorf("%s names %q, which is no option", p.name, code)
			}
			if value := strings.Trim(m[2], `[]"`); len(values) > 0 && m[2] != "" && !slices.Contains(values, value) {
				t.Errorf("%s says %q: %s is one of %v", p.name, code, m[1], values)
			}
		}
	}
	if named < 60 {
		t.Errorf("only %d options are named", named)
	}
}

// Who moves from the Python log aggregator keeps the variables that are in the table, and their defaults.
func TestVariablesInREADMEAreThoseOfThePipeline(t *testing.T) {
	pipeline := read(t, root+"/pipeline.hcl")
	told := map[string]string{}
	for _, row := range one(t, "README.md").rows(t, "## Coming from the Python log aggregator") {
		told[strings.Trim(row[0], "`")] = strings.Trim(row[1], "`")
	}
	read := map[string]bool{}
	for _, m := range regexp.MustCompile(`env\("([A-Z0-9_]+)"(?:, "?([^")]*)"?)?\)`).FindAllStringSubmatch(pipeline, -1) {
		name, value := m[1], m[2]
		read[name] = true
		switch said, there := told[name]; {
		case there && !strings.HasPrefix(said, "–") && said != value:
			t.Errorf("README.md says that %s is %s by default, and pipeline.hcl %q", name, said, value)
		case there && strings.HasPrefix(said, "–") && value != "":
			t.Errorf("README.md says that %s has no default, and pipeline.hcl has %q", name, value)
		case !there && !strings.Contains(one(t, "README.md").text, "`"+name+"`"):
			t.Errorf("README.md does not speak of %s, which pipeline.hcl reads", name)
		}
	}
	for name := range told {
		if !read[name] {
			t.Errorf("README.md speaks of %s, which pipeline.hcl does not read", name)
		}
	}
}
