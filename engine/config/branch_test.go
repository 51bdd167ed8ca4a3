package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

const branchesFile = "testdata/valid/branches.hcl"

func loadBranches(t *testing.T, src string) *config.Pipeline {
	t.Helper()
	c, found := config.LoadSource(branchesFile, []byte(src), options([]byte(src)))
	if c == nil {
		t.Fatal(text(found))
	}
	return c.Pipelines[0]
}

// A step in the wrong branch, or in none, would write messages to a place that nobody meant.
func TestBranchesAreBuilt(t *testing.T) {
	p := loadBranches(t, string(read(t, branchesFile)))
	built, err := p.Build(config.BuildEnv{})
	if err != nil {
		t.Fatal(err)
	}
	type shape struct {
		Name, When, Output, Fallback, DeadLetter string
		Default                                  bool
		Processors                               []string
		Workers                                  int
		Recover                                  bool
	}
	names := func(steps []engine.ProcessorStep) (all []string) {
		for _, s := range steps {
			all = append(all, s.Name)
		}
		return all
	}
	name := func(s *engine.OutputStep) string {
		if s == nil {
			return ""
		}
		return s.Name
	}
	got := []shape{{Processors: names(built.Processors), Output: built.Output.Name, Fallback: name(built.Fallback), DeadLetter: name(built.DeadLetter)}}
	for _, b := range built.Branches {
		got = append(got, shape{
			Name: b.Name, When: strings.Join(strings.Fields(b.When.String()), " "), Output: b.Output.Name, Fallback: name(b.Fallback), DeadLetter: name(b.DeadLetter),
			Default: b.Default, Processors: names(b.Processors), Workers: b.Workers, Recover: b.Recover,
		})
	}
	want := []shape{
		{Processors: []string{"processor.json"}, DeadLetter: "dead_letter.amqp"},
		{Name: "audit", When: `kind == 'audit' && level != "debug"`, Processors: []string{"audit.processor.batch", "audit.processor.retry"}, Output: "audit.output.s3",
			Fallback: "audit.fallback.file", DeadLetter: "audit.dead_letter.stdout", Workers: 2},
		{Name: "errors", When: "level == 'error'", Output: "errors.output.stdout", Workers: 4},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !built.DropUnmatched {
		t.Error("what no branch takes is not dropped")
	}
	took, err := built.Branches[0].When.Match(&engine.Message{Body: []byte(`{"kind":"audit","level":"info"}`)})
	if !took || err != nil {
		t.Errorf("the first branch takes an audit event: %v, %v", took, err)
	}
	steps := p.Places()
	if steps[2].Name != engine.ForkStep {
		t.Errorf("nobody counts what the fork rejects: %v", steps)
	}
}

// What is shown of the branches is told exactly as it stands in the golden files; and the file that is shown means what the first one meant.
func TestBranchesAreShown(t *testing.T) {
	p := loadBranches(t, string(read(t, branchesFile)))
	shown := p.Effective()
	golden(t, "testdata/branches_effective.txt", []byte(shown))
	golden(t, "testdata/branches_graph.mmd", []byte((&config.Config{Pipelines: []*config.Pipeline{p}}).Graph()))
	again := loadBranches(t, shown)
	salt := []byte("salt")
	if plan := config.Compare([]config.Evaluated{p.Evaluate(salt)}, []config.Evaluated{again.Evaluate(salt)}); !plan.Empty() {
		t.Errorf("what is shown means something else: %+v", plan)
	}
}

// A change that a reload does not see would leave messages on the way that nobody wrote.
func TestChangesOfBranches(t *testing.T) {
	src := string(read(t, branchesFile))
	salt := []byte("salt")
	for name, change := range map[string][2]string{
		"a condition":          {`"level == 'error'"`, `"level == 'fatal'"`},
		"a name":               {`branch "errors"`, `branch "faults"`},
		"unmatched":            {`unmatched = "drop"`, ``},
		"a block of a branch":  {"processor \"retry\" {}\n", ""},
		"an attribute in one":  {"count        = 10", "count = 11"},
		"a condition is taken": {"when = \"level == 'error'\"", "default = true"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Count(src, change[0]) != 1 {
				t.Fatalf("%q is not once in the file", change[0])
			}
			was, is := loadBranches(t, src), loadBranches(t, strings.Replace(src, change[0], change[1], 1))
			plan := config.Compare([]config.Evaluated{was.Evaluate(salt)}, []config.Evaluated{is.Evaluate(salt)})
			if len(plan.Restarts) != 1 {
				t.Errorf("the plan is %+v", plan)
			}
		})
	}
	head, tail, _ := strings.Cut(src, `  branch "errors"`)
	errors, end, _ := strings.Cut(tail, "  dead_letter \"amqp\"")
	moved := strings.Replace(head, `  branch "audit"`, `  branch "errors"`+errors+`  branch "audit"`, 1) + "  dead_letter \"amqp\"" + end
	was, is := loadBranches(t, src), loadBranches(t, moved)
	if plan := config.Compare([]config.Evaluated{was.Evaluate(salt)}, []config.Evaluated{is.Evaluate(salt)}); !plan.Empty() {
		t.Errorf("the order of branches counts: %+v", plan)
	}
}

// A window that counts one branch only would let one branch's open batches keep the others from being full.
func TestTheWindowHasRoomForAllBranches(t *testing.T) {
	const branch = `  branch "NAME" {
    processor "batch" { count = 1000 }
    output "s3" {
      bucket  = "b"
      key     = "NAME/${batch.id}"
      workers = 2
    }
  }
`
	room := func(branches ...string) int {
		src := "pipeline \"p\" {\n  input \"amqp\" { queue = \"q\" }\n"
		for _, name := range branches {
			src += strings.ReplaceAll(branch, "NAME", name)
		}
		return loadBranches(t, src+"}\n").Capacity().Messages
	}
	one, two := room("a"), room("a", "b")
	if one <= 3000 || two-one < 3000 {
		t.Errorf("one branch has room for %d messages, two for %d; each has three batches of 1000 on its way", one, two)
	}
}
