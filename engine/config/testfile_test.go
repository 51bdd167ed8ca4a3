package config_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/testfile"
)

// What is wrong with a test is told exactly as it stands beside it: a test whose "expct" nobody reads would pass for ever.
func TestInvalidTests(t *testing.T) {
	files, _ := filepath.Glob("testdata/tests/*.hcl")
	if len(files) < 6 {
		t.Fatalf("only %d files", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			tests, found := config.LoadTestSource(filepath.Base(file), read(t, file), config.Options{})
			if !found.HasErrors() || tests != nil {
				t.Error("nothing is wrong with it")
			}
			var text bytes.Buffer
			found.WriteText(&text, false, 100)
			golden(t, strings.TrimSuffix(file, ".hcl")+".txt", text.Bytes())
		})
	}
}

func TestLoadTests(t *testing.T) {
	const src = `
env = { A = "file", B = "file" }

test "all of it" {
  pipeline = "logs"
  env      = { B = "test" }
  time     = "2026-01-02T03:04:05+01:00"
  wait     = "1m"
  message {
    body        = { b = 1, a = [true, null, 0.10] }
    headers     = { n = 1, f = 1.5, list = [2] }
    routing_key = "key"
    id          = "4711"
    after       = "5s"
    repeat      = 2
  }
  send = ["<text>", 7]
  fail "output" {
    times     = 2
    permanent = true
    only      = [0, 3]
  }
  fail "archive.fallback" { error = "full" }
  expect {
    output {
      bodies = [{ a = 1 }, "text"]
    }
    held = 0
    branch "archive" {
      output = 2
      fallback {
        batches = 1
      }
    }
  }
}
`
	file, found := config.LoadTestSource("a_test.hcl", []byte(src), config.Options{LookupEnv: func(string) (string, bool) { return "real", true }})
	if file == nil {
		t.Fatal(text(found))
	}
	got := file.Tests[0]
	m := testfile.TestMessage{
		Body: []byte(`{"a":[true,null,0.1],"b":1}`), Headers: map[string]any{"n": int64(1), "f": 1.5, "list": []any{int64(2)}},
		RoutingKey: "key", ID: "4711", After: 5 * time.Second,
	}
	want := &testfile.Test{
		Name: "all of it", Pipeline: "logs", Env: map[string]string{"A": "file", "B": "test"},
		Time: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC), Wait: time.Minute,
		Send: []testfile.TestMessage{m, m, {Body: []byte("<text>")}, {Body: []byte("7")}},
		Fails: []testfile.TestFail{
			{Place: "output", Times: 2, Error: "the test lets it fail", Permanent: true, Only: []int{0, 3}},
			{Place: "archive.fallback", Error: "full"},
		},
		Expect: []testfile.Expectation{
			{Place: "output", What: testfile.ExpectBodies, List: []decode.TestValue{{Value: map[string]any{"a": json.Number("1")}}, {Text: "text"}}},
			{Place: testfile.ExpectHeld, What: testfile.ExpectMessages},
			{Place: "archive.output", What: testfile.ExpectMessages, Count: 2},
			{Place: "archive.fallback", What: testfile.ExpectBatches, Count: 1},
		},
	}
	noPlaces := cmp.FilterPath(func(p cmp.Path) bool {
		name := p.Last().String()
		return name == ".Range" || name == ".PipelineRange" || name == ".Items"
	}, cmp.Ignore())
	if diff := cmp.Diff(want, got, noPlaces); diff != "" {
		t.Error(diff)
	}
	for _, at := range []struct {
		what string
		at   diagnostics.Range
		is   string
	}{
		{"name", got.Range, `"all of it"`}, {"pipeline", got.PipelineRange, `"logs"`}, {"second body", got.Expect[0].Items[1], `"text"`},
		{"held", got.Expect[1].Range, "0"}, {"fail", got.Fails[1].Range, `"archive.fallback"`},
	} {
		if is := src[at.at.Start.Byte:at.at.End.Byte]; is != at.is {
			t.Errorf("the place of the %s is that of %s", at.what, is)
		}
	}
}

// A folder of pipelines has their tests beside them; a test that is taken for a pipeline would keep all of them from starting.
func TestFoldersAreReadWithoutTests(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.hcl": pipeline("a"), "a_test.hcl": "test \"a\" {}\n"})
	c, found := config.Load([]string{dir}, options(nil))
	if c == nil || len(c.Pipelines) != 1 {
		t.Error(text(found))
	}
}

// No file of tests, however broken, ends the process, and of each something can be said.
func FuzzLoadTests(f *testing.F) {
	for _, pattern := range []string{"testdata/tests/*.hcl", "../../*_test.hcl", "../../examples/*_test.hcl"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		tests, found := config.LoadTestSource("a_test.hcl", src, config.Options{})
		if (tests == nil) != found.HasErrors() {
			t.Fatalf("tests %v, %d errors", tests, found.Errors())
		}
		var out bytes.Buffer
		found.WriteText(&out, true, 60)
		if tests == nil {
			return
		}
		for _, test := range tests.Tests {
			if len(test.Send) == 0 || len(test.Expect) == 0 {
				t.Fatalf("%q sends %d messages and expects %d things", test.Name, len(test.Send), len(test.Expect))
			}
		}
	})
}
