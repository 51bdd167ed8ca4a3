package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

func logpipe(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	if code := cmd.Run(context.Background(), args, cmd.Streams{In: strings.NewReader(""), Out: &out, Err: &err}, plugins.All...); code != 0 {
		t.Fatalf("exit code %d: %s", code, err.String())
	}
	return out.String()
}

// What people read about the options is what the binary does.
func TestPluginReferenceIsCurrent(t *testing.T) {
	have, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), logpipe(t, "plugins", "--markdown")); diff != "" {
		t.Errorf("docs/plugins.md is not current; run: go generate ./cmd/logpipe\n%s", diff)
	}
}

// An example that somebody copies must be read, and must stay as fmt would write it.
func TestExamplesAreFormatted(t *testing.T) {
	for part := range strings.SplitSeq(logpipe(t, "plugins", "--markdown"), "```hcl\n") {
		example, _, found := strings.Cut(part, "```\n")
		if !found {
			continue
		}
		formatted, wrong := config.Format("example.hcl", []byte(example))
		if wrong.HasErrors() || string(formatted) != example {
			t.Errorf("not well formed:\n%s%v", example, wrong.All())
		}
	}
}

// An example that somebody copies must be one that validate lets pass, in a pipeline around it.
func TestExamplesAreValid(t *testing.T) {
	var listing struct {
		Plugins []struct{ Kind, Name, Shape, Example string }
	}
	if err := json.Unmarshal([]byte(logpipe(t, "plugins", "--json")), &listing); err != nil {
		t.Fatal(err)
	}
	for _, p := range listing.Plugins {
		blocks := map[string]string{"input": "input \"generator\" {}\n", "processor": "processor \"batch\" {\n  partition_by = [\"@date\"]\n}\n", "output": "output \"stdout\" {}\n"}
		blocks[p.Kind] = p.Example
		file := fmt.Sprintf("pipeline \"example\" {\n%s%s%sdead_letter \"file\" {\n  path = \"/var/lib/logpipe/dead.ndjson\"\n}\n}\n",
			blocks["input"], blocks["processor"], blocks["output"])
		var out, err bytes.Buffer
		code := cmd.Run(context.Background(), []string{"validate", "--no-env", "-"},
			cmd.Streams{In: strings.NewReader(file), Out: &out, Err: &err}, plugins.All...)
		if code != 0 || err.Len() > 0 {
			t.Errorf("%s %q, exit code %d:\n%s", p.Kind, p.Name, code, err.String())
		}
	}
}

// An option without a text is one that nobody finds.
func TestEveryOptionIsDescribed(t *testing.T) {
	for line := range strings.Lines(logpipe(t, "plugins", "--markdown")) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if strings.HasPrefix(line, "| `") && len(strings.TrimSpace(cells[len(cells)-1])) < 5 {
			t.Errorf("no text: %s", line)
		}
	}
}
