package config

import (
	"fmt"
	"reflect"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
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

	Range         Range // its header in the file
	PipelineRange Range // of the pipeline's name; of the header if it is not there
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
	Place     string // a role of an output, as in "fallback", behind the name of a branch and a dot if it is in one
	Times     int    // how many writes; 0 is each
	Error     string // its text
	Permanent bool   // whether it is one by engine.Permanent
	Only      []int  // the messages that fail, by their place in what is sent; nil is all
	Range     Range  // of the block in the file
}

// Expectation is one thing that a test expects.
type Expectation struct {
	Place string      // as in TestFail; ExpectDropped or ExpectHeld
	What  string      // one of the Expect constants
	Count int         // of ExpectMessages and ExpectBatches
	List  []TestValue // of the others, one for each message or batch
	Range Range       // of the value
	Items []Range     // of the items of List
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

// loadTestsOf reads a file of tests. It is nil when there are errors. Nothing of the environment is read.
func loadTestsOf(path string, w *world) (*TestFile, *Diagnostics) {
	l := newTestLoader(w)
	l.path(path)
	return l.loadTests(path)
}

// loadTestSourceOf reads tests from src. The name is what diagnostics call it.
func loadTestSourceOf(name string, src []byte, w *world) (*TestFile, *Diagnostics) {
	l := newTestLoader(w)
	l.addFile(name, src)
	return l.loadTests(name)
}

// testLoader reads tests.
type testLoader struct{ *world }

func newTestLoader(w *world) testLoader {
	w.env.closed = true
	for _, t := range []any{testFileAttributes{}, testAttributes{}, messageAttributes{}, failAttributes{}, expectAttributes{}, placeAttributes{}} {
		w.words.add(reflect.TypeOf(t)) // so that "keys" is not taken for a secret
	}
	return testLoader{w}
}

func (l testLoader) loadTests(name string) (*TestFile, *Diagnostics) {
	t := &TestFile{Name: name}
	for _, f := range l.files {
		if f.body != nil {
			l.testFile(t, f)
		}
	}
	l.dropDoubtful()
	l.diags.sort()
	if l.diags.HasErrors() {
		return nil, l.diags.found()
	}
	return t, l.diags.found()
}

type testFileAttributes struct {
	Env map[string]string `hcl:"env,optional" doc:"Variables for all tests of the file."`
}

func (l testLoader) testFile(into *TestFile, f *file) {
	var own testFileAttributes
	d := l.newDecoder(f, f.body.SrcRange, "the file")
	d.body(&hclsyntax.Body{Attributes: f.body.Attributes}, d.header, d.what, "", targets(&own))
	d.checkEnv(own.Env)
	into.Env = own.Env
	named := map[string]*Test{}
	for _, b := range f.body.Blocks {
		switch {
		case f.isPlaceholder(b):
		case b.Type != blockTest:
			l.notInTests(f, b)
		default:
			t := l.test(f, b, own.Env)
			if first := named[t.Name]; first != nil && t.Name != "" {
				l.diags.add(Diagnostic{Range: rangeOfBlock(b), Context: f.context(b.TypeRange.Start.Byte), Summary: fmt.Sprintf("there are two tests %q", shorten(t.Name)),
					Detail: "Give one of the two another name.", Related: []Related{{"the first one is on", first.Range}}})
			}
			named[t.Name] = t
			into.Tests = append(into.Tests, t)
		}
	}
	if len(into.Tests) == 0 {
		l.diags.add(absent(Diagnostic{Range: &Range{Filename: f.name, Start: Pos{1, 1, 0}, End: Pos{1, 1, 0}},
			Summary: "the file holds no test",
			Detail:  "Begin with:\n  test \"NAME\" {\n    send = [{ source = \"app1\" }]\n    expect {\n      output = 1\n    }\n  }"}))
	}
}

func (l testLoader) notInTests(f *file, b *hclsyntax.Block) {
	g := Diagnostic{Range: rangeOf(b.DefRange()), Summary: fmt.Sprintf("a file of tests has no block %s", shorten(b.Type)), Detail: `It consists of blocks test "NAME" { … }.`}
	if near := Suggest(b.Type, []string{blockTest}); near != "" {
		g.Detail = fmt.Sprintf("Did you mean %s?", near)
	}
	if b.Type == blockPipeline {
		g.Detail = "Pipelines stand in a file of their own, whose name the tests' file has with _test in front of .hcl."
	}
	l.diags.add(g)
}

// checkEnv finds names that no variable has.
func (d *decoder) checkEnv(env map[string]string) {
	for name := range env {
		if !isEnvName(name) {
			at := d.attrs["env"].at
			d.add(Diagnostic{Range: &at, Summary: fmt.Sprintf("%q is no name of an environment variable", shorten(name)), Detail: "A name has letters, digits and _."})
		}
	}
}

// outputRoles are the roles that a test can let fail and look into.
var outputRoles = []string{string(engine.RoleOutput), string(engine.RoleFallback), string(engine.RoleDeadLetter)}
