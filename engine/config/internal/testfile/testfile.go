// Package testfile reads tests of pipelines: testblock.go what a test sends and lets fail, testexpect.go what it expects.
package testfile

import (
	"fmt"
	"reflect"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// TestEpoch is when a test begins that says no time.
var TestEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// TestFile is a file of tests for pipelines.
type TestFile struct {
	Name  string            // the path that it was loaded by
	Env   map[string]string // variables for all of its tests
	Tests []*Test           // in the order of the file
}

// Test is one test block: what is sent, what fails, and what shall come of it.
type Test struct {
	Name     string            // the label of its block
	Pipeline string            // "": the only one
	Env      map[string]string // what env() of the pipeline reads: that of the file and of the test
	Time     time.Time         // when it begins; zero is TestEpoch
	Wait     time.Duration     // how long the pipeline goes on after all is settled
	Send     []TestMessage     // in this order
	Fails    []TestFail        // which writes fail, in the order of the file
	Expect   []Expectation     // what shall come of it, in the order of the file

	Range         diagnostics.Range // its header in the file
	PipelineRange diagnostics.Range // of the pipeline's name; of the header if it is not there
}

// TestMessage is a message that a test sends.
type TestMessage struct {
	Body       []byte         // an object of the file as JSON, a text as it stands
	Headers    map[string]any // see engine.Meta
	RoutingKey string         // "": none
	ID         string         // the message id; "": none
	Time       time.Time      // zero: when it is sent
	After      time.Duration  // how long after the one before it is sent
}

// TestFail says that writes to a place fail.
type TestFail struct {
	Place     string            // a role of an output, as in "fallback", behind the name of a branch and a dot if it is in one
	Times     int               // how many writes; 0 is each
	Error     string            // its text
	Permanent bool              // whether it is one by engine.Permanent
	Only      []int             // the messages that fail, by their place in what is sent; nil is all
	Range     diagnostics.Range // of the block in the file
}

// Expectation is one thing that a test expects.
type Expectation struct {
	Place string              // as in TestFail; ExpectDropped or ExpectHeld
	What  string              // one of the Expect constants
	Count int                 // of ExpectMessages and ExpectBatches
	List  []decode.TestValue  // of the others, one for each message or batch
	Range diagnostics.Range   // of the value
	Items []diagnostics.Range // of the items of List
}

// What can be expected of a place.
const (
	ExpectMessages = "messages" // how many it has at the end
	ExpectBatches  = "batches"
	ExpectBodies   = "bodies"    // of its messages, in the order in which their batches were sealed
	ExpectKeys     = "keys"      // where each batch was written: of an object, or of a file
	ExpectSealedBy = "sealed_by" // why each batch was sealed
	ExpectReasons  = "reasons"   // of dead letters, a part of each
)

// Places that are no outputs.
const (
	ExpectDropped = "dropped" // messages that a processor dropped
	ExpectHeld    = "held"    // messages that were settled nowhere
)

// Load reads a file of tests. It is nil when there are errors. Nothing of the environment is read.
func Load(path string, w *eval.World) (*TestFile, *diagnostics.Diagnostics) {
	l := newTestLoader(w)
	l.Path(path)
	return l.loadTests(path)
}

// LoadSource reads tests from src. The name is what diagnostics call it.
func LoadSource(name string, src []byte, w *eval.World) (*TestFile, *diagnostics.Diagnostics) {
	l := newTestLoader(w)
	l.AddFile(name, src)
	return l.loadTests(name)
}

// loader reads tests.
type loader struct{ *eval.World }

func newTestLoader(w *eval.World) loader {
	w.Env.Closed = true
	for _, t := range []any{testFileAttributes{}, testAttributes{}, messageAttributes{}, failAttributes{}, expectAttributes{}, placeAttributes{}} {
		w.Words.Add(reflect.TypeOf(t)) // so that "keys" is not taken for a secret
	}
	return loader{w}
}

func (l loader) loadTests(name string) (*TestFile, *diagnostics.Diagnostics) {
	t := &TestFile{Name: name}
	for _, f := range l.Files {
		if f.Body != nil {
			l.testFile(t, f)
		}
	}
	l.DropDoubtful()
	l.Diags.Sort()
	if l.Diags.HasErrors() {
		return nil, l.Diags.Found()
	}
	return t, l.Diags.Found()
}

type testFileAttributes struct {
	Env map[string]string `hcl:"env,optional" doc:"Variables for all tests of the file."`
}

func (l loader) testFile(into *TestFile, f *syntax.File) {
	var own testFileAttributes
	d := decode.NewDecoder(l.World, f, f.Body.SrcRange, "the file")
	d.Body(&hclsyntax.Body{Attributes: f.Body.Attributes}, d.Header, d.What, "", decode.Targets(&own))
	checkEnv(d, own.Env)
	into.Env = own.Env
	named := map[string]*Test{}
	for _, b := range f.Body.Blocks {
		switch {
		case f.IsPlaceholder(b):
		case b.Type != schema.BlockTest:
			l.notInTests(f, b)
		default:
			t := l.test(f, b, own.Env)
			if first := named[t.Name]; first != nil && t.Name != "" {
				l.Diags.Add(diagnostics.Diagnostic{Range: decode.RangeOfBlock(b), Context: f.Context(b.TypeRange.Start.Byte), Summary: fmt.Sprintf("there are two tests %q", diagnostics.Shorten(t.Name)),
					Detail: "Give one of the two another name.", Related: []diagnostics.Related{{Text: "the first one is on", Range: first.Range}}})
			}
			named[t.Name] = t
			into.Tests = append(into.Tests, t)
		}
	}
	if len(into.Tests) == 0 {
		l.Diags.Add(diagnostics.Absent(diagnostics.Diagnostic{Range: &diagnostics.Range{Filename: f.Name, Start: diagnostics.Pos{Line: 1, Column: 1, Byte: 0}, End: diagnostics.Pos{Line: 1, Column: 1, Byte: 0}},
			Summary: "the file holds no test",
			Detail:  "Begin with:\n  test \"NAME\" {\n    send = [{ source = \"app1\" }]\n    expect {\n      output = 1\n    }\n  }"}))
	}
}

func (l loader) notInTests(f *syntax.File, b *hclsyntax.Block) {
	g := diagnostics.Diagnostic{Range: diagnostics.RangeOf(b.DefRange()), Summary: fmt.Sprintf("a file of tests has no block %s", diagnostics.Shorten(b.Type)), Detail: `It consists of blocks test "NAME" { … }.`}
	if near := diagnostics.Suggest(b.Type, []string{schema.BlockTest}); near != "" {
		g.Detail = fmt.Sprintf("Did you mean %s?", near)
	}
	if b.Type == schema.BlockPipeline {
		g.Detail = "Pipelines stand in a file of their own, whose name the tests' file has with _test in front of .hcl."
	}
	l.Diags.Add(g)
}

// checkEnv finds names that no variable has.
func checkEnv(d *decode.Decoder, env map[string]string) {
	for name := range env {
		if !eval.IsEnvName(name) {
			at := d.Attrs["env"].At
			d.Add(diagnostics.Diagnostic{Range: &at, Summary: fmt.Sprintf("%q is no name of an environment variable", diagnostics.Shorten(name)), Detail: "A name has letters, digits and _."})
		}
	}
}

// outputRoles are the roles that a test can let fail and look into.
var outputRoles = []string{string(engine.RoleOutput), string(engine.RoleFallback), string(engine.RoleDeadLetter)}
