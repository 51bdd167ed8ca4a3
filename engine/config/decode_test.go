package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// odd has what the other test plugins have not.
type odd struct {
	embedded
	*Shared
	Small   int8             `hcl:"small,optional"`
	Wide    uint64           `hcl:"wide,optional"`
	Half    float32          `hcl:"half,optional"`
	Maybe   *string          `hcl:"maybe,optional"`
	Text    *engine.Template `hcl:"text,optional"`
	Wait    *time.Duration   `hcl:"wait,optional"`
	Level   level            `hcl:"level,optional" values:"low,high"`
	Levels  []string         `hcl:"levels,optional" values:"low,high"`
	Values  map[string]any   `hcl:"values,optional"`
	Targets []*place         `hcl:"target,block"`
	Main    place            `hcl:"main,block"`
	Spare   *place           `hcl:"spare,block"`
	errs    []error
}

type level string

type embedded struct {
	Inner string `hcl:"inner,optional"`
}

// Shared is embedded by pointer, and exported, as it is filled in by reflection.
type Shared struct {
	Host string `hcl:"host,optional"`
}

type place struct {
	Path engine.Template `hcl:"path" doc:"Where."`
	Size int             `hcl:"size,optional"`
}

func (o *odd) Validate() error { return errors.Join(o.errs...) }

func loadOdd(t *testing.T, body string, defaults odd) (*odd, string) {
	t.Helper()
	if !strings.Contains(body, "main {") {
		body += "\nmain {\npath = \"m\"\n}\n"
	}
	plugin := engine.NewOutput("odd", "", func() odd { return defaults }, newOutput[odd])
	o := options(nil)
	o.Plugins = append(o.Plugins, plugin)
	src := "pipeline \"a\" {\ninput \"generator\" {}\noutput \"odd\" {\n" + body + "\n}\n}\n"
	c, found := config.LoadSource("a.hcl", []byte(src), o)
	if c == nil {
		var said []string
		for _, d := range found.All() {
			said = append(said, d.Summary)
		}
		return nil, strings.Join(said, "; ")
	}
	return c.Pipelines[0].Blocks[1].Config.(*odd), ""
}

func TestDecodeTypes(t *testing.T) {
	got, wrong := loadOdd(t, `
inner = "i"
host  = "h"
small = -128
wide  = 18446744073709551615
half  = 0.5
maybe = "m"
wait  = "5s"
level = "high"
levels = ["low", "high"]
target {
  path = "a"
}
target {
  path = "b"
  size = 2
}
main {
  path = "c"
}
`, odd{Targets: []*place{{Size: 9}, {Size: 9}, {Size: 9}}, Spare: &place{Size: 7}})
	if got == nil {
		t.Fatal(wrong)
	}
	want := "i h -128 18446744073709551615 0.5 m 5s high [low high] a b 2 c 7"
	if text := fmt.Sprint(got.Inner, " ", got.Host, " ", got.Small, " ", got.Wide, " ", got.Half, " ", *got.Maybe, " ", *got.Wait, " ", got.Level, " ", got.Levels, " ",
		got.Targets[0].Path, " ", got.Targets[1].Path, got.Targets[1].Size, " ", got.Main.Path, " ", got.Spare.Size); text != want || len(got.Targets) != 2 {
		t.Errorf("decoded %s\nnot     %s", text, want)
	}
	if got, wrong = loadOdd(t, "text = \"x-${batch.id}\"\n", odd{Maybe: nil}); got == nil || got.Text == nil || got.Maybe != nil || !got.Text.Refers("batch.id") {
		t.Errorf("decoded %+v, %s", got, wrong)
	}
	if got, wrong = loadOdd(t, "text = null\nmaybe = null\n", odd{}); got == nil || got.Text != nil || got.Maybe != nil {
		t.Errorf("null is not as if nothing were there: %+v, %s", got, wrong)
	}
}

// A broker takes "5" and 5 for different things, so what stands in the file is what the plugin gets.
func TestDecodeValues(t *testing.T) {
	got, wrong := loadOdd(t, `values = { text = "5", number = 5, half = 0.5, yes = true, "x-name" = env("NONE", "d") }`, odd{})
	if got == nil {
		t.Fatal(wrong)
	}
	want := map[string]any{"text": "5", "number": int64(5), "half": 0.5, "yes": true, "x-name": "d"}
	if diff := cmp.Diff(want, got.Values); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeMistakes(t *testing.T) {
	for body, want := range map[string]string{
		"small = 128":                        "128 is out of range",
		"wide = -1":                          "-1 is negative",
		"wide = 18446744073709551616":        "18446744073709551616 is too large",
		"half = 1e60":                        "1e+60 is too large",
		"levels = [\"low\", \"mid\"]":        `"mid" is not a value of levels`,
		"level = \"hihg\"":                   `"hihg" is not a value of level`,
		"main {\n}":                          "block main lacks the attribute path",
		"main {\npath = null\n}":             "null is not a text",
		"main {\npath = \"x\"\nsize = []\n}": "a list is not a number",
		"values = 5":                         "5 is not a map of values",
		"values = { a = [1] }":               "a map has a value that is no text, number or boolean: a",
		"values = { a = null }":              "a map has a value that is no text, number or boolean: a",
		"target = 5":                         "target is a block, not an attribute",
		"wait {\n}":                          "wait is an attribute, not a block",
		"spare {\npath = \"a\"\n}\nspare {\npath = \"b\"\n}": `output "odd" may have one block spare, and this is the second`,
	} {
		if got, wrong := loadOdd(t, body, odd{}); got != nil || wrong != want {
			t.Errorf("%s: %s, not %s", body, wrong, want)
		}
	}
	if _, wrong := loadOdd(t, "main {\n}\nmain = 5\n", odd{}); !strings.Contains(wrong, "main is a block") {
		t.Error(wrong)
	}
}

// Each mistake that a plugin finds is told at its place; what may follow from another mistake is not.
func TestValidate(t *testing.T) {
	mistakes := odd{errs: []error{
		errors.New("all of it is wrong."),
		engine.AttrErrorf("small", "must be larger"),
		fmt.Errorf("wrapped: %w", engine.AttrErrorf("small", "small is even")),
		engine.AttrErrorf("small", "too small by far"),
		engine.AttrErrorf("host", "is needed"),
		errors.Join(engine.AttrErrorf("main.path", "must not be m"), engine.AttrErrorf("target.path", "must not be t"), engine.AttrErrorf("target[1].path", "must not be second")),
		engine.AttrErrorf("target", "has too many"), engine.AttrErrorf("target[5].size", "is missing"),
	}}
	body := "small = 1\ntarget {\npath = \"t\"\n}\ntarget {\npath = \"u\"\n}\nmain {\npath = \"m\"\n}\n"
	want := []string{
		`output "odd": all of it is wrong`, `output "odd": host is needed`, `output "odd": target[5].size is missing`,
		"small must be larger", "small is even", "small: too small by far",
		"target has too many", "target.path must not be t", "target[1].path must not be second", "main.path must not be m",
	}
	_, wrong := loadOdd(t, body, mistakes)
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.ReplaceAll(wrong, "; ", "\n")); diff != "" {
		t.Error(diff)
	}
	_, wrong = loadOdd(t, "small = \"x\"\n", mistakes)
	if want := `"x" is not a number; main.path must not be m`; wrong != want {
		t.Errorf("after another mistake: %s", wrong)
	}
}

func TestVolatileStorage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	if _, err := os.Stat("/dev/shm"); err == nil {
		if got := config.VolatileStorage(filepath.Join("/dev/shm", "not", "there", "yet")); !strings.Contains(got, "tmpfs") {
			t.Errorf("/dev/shm is on %q", got)
		}
	}
	if got := config.VolatileStorage("/proc/self"); got != "" {
		t.Errorf("/proc is on %q", got)
	}
}

// A pipe or a device is no storage to warn of.
func TestDevicesAreNotStorage(t *testing.T) {
	src := "pipeline \"a\" {\ninput \"generator\" {}\noutput \"file\" {\npath = \"/dev/null\"\n}\n}\n"
	o := options(nil)
	config.SetStorage(&o, func(string) string { return "sand" })
	if _, found := config.LoadSource("a.hcl", []byte(src), o); len(found.All()) > 0 {
		t.Error(text(found))
	}
}
