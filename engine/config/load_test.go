package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

func pipeline(name string) string {
	return fmt.Sprintf("pipeline %q {\n  input \"generator\" {}\n  output \"stdout\" {}\n}\n", name)
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func text(d *diagnostics.Diagnostics) string {
	var b bytes.Buffer
	d.WriteText(&b, false, 400)
	return b.String()
}

func names(c *config.Config) []string {
	var all []string
	for _, p := range c.Pipelines {
		all = append(all, p.Name)
	}
	return all
}

// A folder's files count in the order of their names, and no file counts twice: a pipeline that ran twice would take each
// other's files away.
func TestLoadFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"b.hcl": pipeline("b"), "a.hcl": pipeline("a"), "c.txt": "no", ".hidden.hcl": "no", "below/d.hcl": pipeline("d"),
		"folder.hcl/x": "no",
	})
	c, found := config.Load([]string{filepath.Join(dir, "b.hcl"), dir, filepath.Join(dir, "below")}, options(nil))
	if c == nil {
		t.Fatal(text(found))
	}
	if diff := cmp.Diff([]string{"b", "a", "d"}, names(c)); diff != "" {
		t.Error(diff)
	}
}

func TestLoadTellsWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"pipeline.hcl": pipeline("a"), "empty/readme": "", "same/a.hcl": pipeline("x"), "same/b.hcl": pipeline("x"),
		"large.hcl": strings.Repeat("# noise\n", 200_000), "one/a.hcl": pipeline("x"), "one/empty.hcl": "# later\n",
	})
	noise := make([]byte, 10<<20)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	write(t, dir, map[string]string{"noise.hcl": string(noise)})
	for _, c := range []struct {
		paths []string
		want  string
		valid bool
	}{
		{nil, "no configuration is named", false},
		{[]string{"pipline.hcl"}, "pipline.hcl cannot be read: no such file or directory\n  Did you mean DIR/pipeline.hcl?", false},
		{[]string{"nothing"}, "nothing cannot be read: no such file or directory\n  Check the name", false},
		{[]string{"empty"}, "DIR/empty has no *.hcl file", false},
		{[]string{"same"}, "there are two pipelines named \"x\"\n  on DIR/same/b.hcl:1:1", false},
		{[]string{"large.hcl"}, "the file is larger than 1 MiB", false},
		{[]string{"noise.hcl"}, "larger than 1 MiB", false},
		{[]string{"one"}, "Warning: the file holds no pipeline\n  on DIR/one/empty.hcl:1:1", true},
		{[]string{"nothing", "empty"}, "DIR/empty has no", false},
	} {
		var paths []string
		for _, p := range c.paths {
			paths = append(paths, filepath.Join(dir, p))
		}
		cfg, found := config.Load(paths, options(nil))
		if got := strings.ReplaceAll(text(found), dir, "DIR"); !strings.Contains(got, c.want) {
			t.Errorf("%v:\n%s\nlacks: %s", c.paths, got, c.want)
		}
		if (cfg != nil) != c.valid || found.HasErrors() == c.valid {
			t.Errorf("%v: config %v, %d errors", c.paths, cfg, found.Errors())
		}
	}
}

// file() reads beside the configuration, and nothing that could block or fill the memory.
func TestFileFunction(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"p.hcl": `pipeline "a" {
  input "amqp" {
    queue    = trimspace(file("queue.txt"))
    password = file("secret/password")
  }
  output "stdout" {}
}`,
		"queue.txt": "log_queue\n", "secret/password": "hunter2",
		"bad.hcl": `pipeline "a" {
  input "amqp" {
    queue    = file("/dev/zero")
    host     = file("secret")
    password = file("binary")
  }
  output "stdout" {}
}`,
		"binary": "\xff\xfe",
	})
	c, found := config.Load([]string{filepath.Join(dir, "p.hcl")}, options(nil))
	if c == nil {
		t.Fatal(text(found))
	}
	got := c.Pipelines[0].Blocks[0].Config.(*amqpInput)
	if got.Queue != "log_queue" || got.Password.Reveal() != "hunter2" {
		t.Errorf("got %+v", got)
	}
	_, found = config.Load([]string{filepath.Join(dir, "bad.hcl")}, options(nil))
	for _, want := range []string{"it is no regular file", "/secret cannot be read", "it is no text in UTF-8"} {
		if !strings.Contains(text(found), want) {
			t.Errorf("%s\nlacks: %s", text(found), want)
		}
	}
}

// A password in another Unicode form is another password.
func TestEnvIsTakenAsItIs(t *testing.T) {
	for _, want := range []string{"e\u0301", "\u00e9", " x "} {
		src := "pipeline \"a\" {\ninput \"amqp\" {\nqueue = \"q\"\npassword = env(\"PW\")\n}\noutput \"stdout\" {}\n}\n"
		o := options(nil)
		o.LookupEnv = func(string) (string, bool) { return want, true }
		c, found := config.LoadSource("a.hcl", []byte(src), o)
		if c == nil {
			t.Fatal(text(found))
		}
		if got := c.Pipelines[0].Blocks[0].Config.(*amqpInput).Password.Reveal(); got != want {
			t.Errorf("%+q became %+q", want, got)
		}
	}
}

// What machines read has the shape of `terraform validate -json`.
func TestJSON(t *testing.T) {
	src := read(t, "testdata/invalid/twelve.hcl")
	_, found := config.LoadSource("twelve.hcl", src, options(src))
	got, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/twelve.json", append(got, '\n'))
	var report struct {
		Valid       bool
		Diagnostics []struct {
			Range struct {
				Start, End struct{ Line, Column, Byte int }
			}
			Snippet struct {
				Code  string
				Start int `json:"highlight_start_offset"`
				End   int `json:"highlight_end_offset"`
			}
		}
	}
	if err := json.Unmarshal(got, &report); err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Diagnostics {
		marked := d.Snippet.Code[d.Snippet.Start:d.Snippet.End]
		if want := string(src[d.Range.Start.Byte:d.Range.End.Byte]); !strings.HasPrefix(want, marked) || marked == "" {
			t.Errorf("highlights %q, means %q", marked, want)
		}
	}
	_, none := config.LoadSource("a.hcl", []byte(pipeline("a")), options(nil))
	if got, err := json.Marshal(none); err != nil || string(got) != `{"format_version":"1.0","valid":true,"error_count":0,"warning_count":0,"diagnostics":[]}` {
		t.Errorf("%s, %v", got, err)
	}
}

// Two loads of one file say the same, in the same order.
func TestDiagnosticsAreDeterministic(t *testing.T) {
	files, _ := filepath.Glob("testdata/invalid/*.hcl")
	for _, file := range files {
		src := read(t, file)
		_, first := config.LoadSource(file, src, options(src))
		for range 5 {
			if _, again := config.LoadSource(file, src, options(src)); text(first) != text(again) {
				t.Fatal(cmp.Diff(text(first), text(again)))
			}
		}
		last := diagnostics.Pos{}
		for _, d := range first.All() {
			if d.Range.Start.Byte < last.Byte {
				t.Errorf("%s: out of order at %s", file, d.Range)
			}
			last = d.Range.Start
		}
	}
}

// A list of plugins that cannot be told apart ends the process at once, not some pipeline later.
func TestCheckPluginsPanics(t *testing.T) {
	output := func(name string) engine.Plugin {
		return engine.NewOutput(name, "", func() struct{} { return struct{}{} }, newOutput[struct{}])
	}
	type hasWorkers struct {
		Workers int `hcl:"workers,optional"`
	}
	type hasChannel struct {
		C chan int `hcl:"c"`
	}
	type hasTwo struct {
		A int `hcl:"a"`
		B int `hcl:"a"`
	}
	type hasOption struct {
		A int `hcl:"a,remain"`
	}
	type hasDeep struct {
		A []struct {
			B chan int `hcl:"b"`
		} `hcl:"a,block"`
	}
	type hasHidden struct {
		*embedded
	}
	for name, plugins := range map[string][]engine.Plugin{
		`there are two plugins output "a"`: {output("a"), output("b"), output("a")},
		`"workers" is an attribute of the engine`: {
			engine.NewOutput("a", "", func() hasWorkers { return hasWorkers{} }, newOutput[hasWorkers])},
		"a chan int cannot be read from a file": {
			engine.NewOutput("a", "", func() hasChannel { return hasChannel{} }, newOutput[hasChannel])},
		`two fields are named "a"`: {
			engine.NewOutput("a", "", func() hasTwo { return hasTwo{} }, newOutput[hasTwo])},
		`"remain" is no option`: {
			engine.NewOutput("a", "", func() hasOption { return hasOption{} }, newOutput[hasOption])},
		"behind a pointer to embedded": {
			engine.NewOutput("a", "", func() hasHidden { return hasHidden{} }, newOutput[hasHidden])},
		"field A: field B: a chan int": {
			engine.NewOutput("a", "", func() hasDeep { return hasDeep{} }, newOutput[hasDeep])},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, name) {
					t.Errorf("panics with %s, not with %s", got, name)
				}
			}()
			config.CheckPlugins(plugins)
		}()
	}
	config.CheckPlugins(append(testPlugins(), engine.NewInput("file", "", func() struct{} { return struct{}{} }, newInput[struct{}])))
}
