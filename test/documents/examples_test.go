package documents

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Who copies an example must have something that runs. What stands for more (…) cannot be copied. docs/testing.md has a test of its own in
// cmd, docs/plugins-howto.md in test/howto.
func TestExamplesAreValid(t *testing.T) {
	whole := one(t, "README.md").blocks("hcl")[0]
	checked := 0
	for _, name := range []string{"README.md", "docs/operations.md", "docs/plugins.md"} {
		for _, text := range one(t, name).blocks("hcl") {
			kind, _, _ := strings.Cut(text, " ")
			switch {
			case strings.Contains(text, "…"), kind == "test":
				continue
			case kind == "alert":
				text = whole + text
			case kind != "pipeline":
				text = within(text, kind)
			}
			checked++
			if code, _, errs := logpipe(t, nil, text, "validate", "--no-env", "-"); code != 0 {
				t.Errorf("an example of %s:\n%s%s", name, text, errs)
			}
		}
	}
	if checked < 18 {
		t.Errorf("only %d examples", checked)
	}
}

// within is a pipeline around a block of a plugin.
func within(block, kind string) string {
	parts := map[string]string{"input": `input "generator" {}`, "output": `output "stdout" {}`, "dead_letter": `dead_letter "stdout" {}`}
	text := "pipeline \"example\" {\n"
	for _, k := range []string{"input", "processor", "output", "dead_letter"} {
		if k == kind {
			text += block
		} else {
			text += parts[k] + "\n"
		}
	}
	return text + "}\n"
}

// The admin block stands between lines of text.
func TestAdminBlockIsValid(t *testing.T) {
	_, text, _ := strings.Cut(one(t, "docs/operations.md").text, "    admin {\n")
	text, _, found := strings.Cut(text, "    }\n")
	if !found {
		t.Fatal("docs/operations.md shows no admin block")
	}
	if code, _, errs := logpipe(t, nil, "admin {\n"+text+"}\n"+one(t, "README.md").blocks("hcl")[0], "validate", "--no-env", "-"); code != 0 {
		t.Errorf("the admin block:\n%s", errs)
	}
}

// README.md shows a test of the shipped pipeline.
func TestTestInREADMEPasses(t *testing.T) {
	for _, text := range one(t, "README.md").blocks("hcl") {
		if !strings.HasPrefix(text, "test ") {
			continue
		}
		file := filepath.Join(t.TempDir(), "readme_test.hcl")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out, errs := logpipe(t, nil, "", "test", root+"/pipeline.hcl", file); code != 0 {
			t.Errorf("%s%s", out, errs)
		}
		return
	}
	t.Error("README.md shows no test")
}

const mistaken = `pipeline "logs" {
  input "ampq" {
    queue = "log_queue"
  }
  processor "json" {}
  processor "batch" {
    count        = env("BATCH_SIZE", 50)
    age          = "5s"
    partition_by = ["source"]
  }
  output "s3" {
    bucket = "logs"
    key    = "logs/${batch.tiem}/${batch.id}.ndjson"
  }
}
`

// What README.md shows of mistakes is what the program says.
func TestMistakesInREADMEAreShownAsTheyAre(t *testing.T) {
	text := one(t, "README.md").text
	_, shown, found := strings.Cut(text, "    $ BATCH_SIZE=abc logpipe validate pipeline.hcl\n")
	shown, _, end := strings.Cut(shown, "\n## ")
	if !found || !end {
		t.Fatal("README.md shows no mistakes")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("pipeline.hcl", []byte(mistaken), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, errs := logpipe(t, map[string]string{"BATCH_SIZE": "abc"}, "", "validate", "pipeline.hcl")
	shown = strings.TrimRight(regexp.MustCompile(`(?m)^    `).ReplaceAllString(shown, ""), "\n")
	if errs = strings.TrimRight(errs, "\n"); errs != shown {
		t.Errorf("the program says\n%s\nREADME.md says\n%s", errs, shown)
	}
}

// The block that k8s/README.md shows is one of examples/sharded.hcl, without its comments.
func TestShardInREADMEIsTheExample(t *testing.T) {
	plain := func(text string) string {
		return strings.Join(strings.Fields(regexp.MustCompile(`#.*`).ReplaceAllString(text, "")), " ")
	}
	example := plain(read(t, root+"/examples/sharded.hcl"))
	for _, block := range one(t, "k8s/README.md").blocks("hcl") {
		for _, part := range regexp.MustCompile(`(?s)(binding \{.*?\}|queue = \S+)`).FindAllString(block, -1) {
			if !strings.Contains(example, plain(part)) {
				t.Errorf("k8s/README.md shows\n%s\nexamples/sharded.hcl has it not", part)
			}
		}
	}
}
