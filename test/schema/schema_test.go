package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

// logpipe runs a command line.
func logpipe(t *testing.T, in string, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cmd.Run(t.Context(), args, cmd.Streams{In: strings.NewReader(in), Out: &stdout, Err: &stderr}, plugins.All...)
	return code, stdout.String() + stderr.String()
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	_, text := logpipe(t, "", "plugins", "--schema")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("logpipe.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("logpipe.json") // it is checked by the schema of schemas
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files are the configurations that come with logpipe.
func files(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"pipeline.hcl", "examples/*.hcl", "k8s/*/*.hcl", "k8s/*/*/*.hcl", "deploy/compose/*.hcl", "test/bench/*.hcl"} {
		found, _ := filepath.Glob(filepath.Join("../..", pattern))
		names = append(names, slices.DeleteFunc(found, config.IsTestFile)...)
	}
	if len(names) < 10 {
		t.Fatalf("only %q are found", names)
	}
	return names
}

// asJSON is a file of HCL in JSON, as the schema's validator takes it.
func asJSON(t *testing.T, name string, src []byte) any {
	t.Helper()
	object, err := convert(name, src)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if _, diags := hcljson.Parse(text, name); diags.HasErrors() {
		t.Fatalf("%s is no JSON of HCL: %v", name, diags)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What validate accepts, the schema must not refuse: people would stop to use it.
func TestAcceptsWhatIsShipped(t *testing.T) {
	s := compile(t)
	for _, name := range files(t) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if code, out := logpipe(t, "", "validate", "--no-env", name); code != 0 && !strings.Contains(out, "no pipeline") {
			t.Errorf("%s: %s", name, out)
		}
		if err := s.Validate(asJSON(t, name, src)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// attribute is a line of a file that sets one.
var attribute = regexp.MustCompile(`(?m)^( +)([a-z_]+)( *= )`)

// What the schema is for: each attribute and block, misspelt, is refused by it as well as by validate.
func TestRefusesMisspeltNames(t *testing.T) {
	s := compile(t)
	n := 0
	for _, name := range files(t) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range attribute.FindAllSubmatchIndex(src, -1) {
			end := at[5]
			wrong := string(src[:end]) + "x" + string(src[end:])
			code, out := logpipe(t, wrong, "validate", "--no-env", "-")
			if strings.Contains(string(src[at[0]:at[1]]), "{") || code == 0 || !strings.Contains(out, string(src[at[4]:end])+"x") {
				continue // a key of a map, or a line of a comment
			}
			n++
			if err := s.Validate(asJSON(t, name, []byte(wrong))); err == nil {
				t.Errorf("%s: the schema accepts %sx", name, src[at[4]:end])
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d attributes were tried", n)
	}
}

// Each form that a value may have, in the words of both.
func TestAgreesWithValidate(t *testing.T) {
	s := compile(t)
	for text, good := range map[string]bool{
		`processor "batch" { count = 5 }`:                          true,
		`processor "batch" { count = "5" }`:                        true,
		`processor "batch" { count = env("COUNT", 5) }`:            true,
		`processor "batch" { count = null }`:                       true,
		`processor "batch" { count = 1.5 }`:                        false,
		`processor "batch" { count = "five" }`:                     false,
		`processor "batch" { count = [5] }`:                        false,
		`processor "batch" { age = "1m30s" }`:                      true,
		`processor "batch" { age = "5" }`:                          false,
		`processor "batch" { age = "5 seconds" }`:                  false,
		`processor "batch" { age = "-5s" }`:                        false,
		`processor "batch" { bytes = "1.5MiB" }`:                   true,
		`processor "batch" { bytes = 1048576 }`:                    true,
		`processor "batch" { bytes = "16Mb" }`:                     false,
		`processor "batch" { partition_by = ["source", "level"] }`: true,
		`processor "batch" { partition_by = "source" }`:            false,
		`processor "batch" { partition_by = split(",", "a,b") }`:   true,
		`processor "batch" { partition_by = [["source"]] }`:        false,
		`processor "json" { on_invalid = "drop" }`:                 true,
		`processor "json" { on_invalid = "${lower("DROP")}" }`:     true,
		`processor "json" { on_invalid = "lose" }`:                 false,
		`processor "json" { object = true }`:                       true,
		`processor "json" { object = "true" }`:                     true,
		`processor "json" { object = 1 }`:                          false,
		`processor "nosuch" {}`:                                    false,
		`processor "stdout" {}`:                                    false,
		`processors "json" {}`:                                     false,
		`processor "json" { workers = 3 }`:                         false,
		"processor \"batch\" {\ntls {}\n}":                         false,
	} {
		file := fmt.Sprintf("pipeline \"p\" {\n  input \"generator\" {}\n  %s\n  output \"stdout\" {}\n  dead_letter \"stdout\" {}\n}\n", text)
		code, out := logpipe(t, file, "validate", "-")
		if err := s.Validate(asJSON(t, text, []byte(file))); (err == nil) != good || (code == 0) != good {
			t.Errorf("%s: want %v\nschema: %v\nvalidate: %d %s", text, good, err, code, out)
		}
	}
}

// Both forms of HCL's JSON: blocks as objects, and as lists.
func TestForms(t *testing.T) {
	s := compile(t)
	for text, good := range map[string]bool{
		`{"pipeline": {"p": {"input": {"generator": {}}, "output": {"stdout": {}}}}}`:                                                              true,
		`{"pipeline": {"p": {"input": {"generator": [{}, {"count": 3}]}, "output": [{"stdout": {}}]}}}`:                                            true,
		`{"pipeline": [{"p": [{"input": {"generator": {}}, "output": {"stdout": {}}}]}]}`:                                                          true,
		`{"//": "a comment", "pipeline": {"p": {"//": "another", "input": {"generator": {}}, "output": {"stdout": {}}}}, "admin": {"listen": ""}}`: true,
		`{"pipeline": {"p": {"input": {"generator": {}}}}}`:                                                                                        false, // no output
		`{"pipeline": {"p": {"output": {"s3": {"key": "${batch.id}"}}, "input": {"generator": {}}}}}`:                                              false, // no bucket
		`{"pipeline": {"p": {"output": {"stdout": {}}, "input": {"generator": {}}}}, "admin": {"port": 9600}}`:                                     false,
		`{"pipeline": {"p": {"output": {"stdout": {}}, "input": {"generator": {}}}}, "alert": {"pager": {}}}`:                                      false,
		`{"pipelines": {}}`: false,
		`[]`:                false,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The reference for programs has what the one for people has.
func TestJSONListsAllPlugins(t *testing.T) {
	_, text := logpipe(t, "", "plugins", "--json")
	var listing struct {
		Plugins []struct {
			Kind, Name, Shape, Package, Summary, Doc, Example string
			Options                                           []struct{ Name, Type, Doc string }
		}
		Blocks map[string][]any
	}
	if err := json.Unmarshal([]byte(text), &listing); err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, p := range listing.Plugins {
		got = append(got, p.Kind+" "+p.Name)
		if p.Package == "" || p.Summary == "" || !strings.Contains(p.Example, p.Kind) || p.Kind == "processor" && p.Shape == "" {
			t.Errorf("%s %s: %+v", p.Kind, p.Name, p)
		}
	}
	for _, p := range plugins.All {
		want = append(want, string(p.Kind())+" "+p.Name())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if blocks := slices.Sorted(maps.Keys(listing.Blocks)); !slices.Contains(blocks, "pipeline") || !slices.Contains(blocks, "alert.webhook") {
		t.Errorf("blocks: %q", blocks)
	}
}
