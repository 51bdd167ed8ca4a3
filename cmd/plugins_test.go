package cmd

import (
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/describe"
	"strings"
	"testing"
)

// What people read of an option is what its struct says.
func TestPlugins(t *testing.T) {
	for name, args := range map[string][]string{
		"plugins.txt":            {"plugins"},
		"plugins-everything.txt": {"plugins", "everything"}, // an input and an output have that name
		"plugins-two.txt":        {"plugins", "input.numbers", "hold"},
		"plugins.md":             {"plugins", "--markdown"},
		"plugins.json":           {"plugins", "--json"},
		"plugins-schema.json":    {"plugins", "--schema"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t, nil, args...)
			if got.code != cli.ExitOK || got.err != "" {
				t.Fatalf("exit code %d: %s", got.code, got.err)
			}
			golden(t, name, got.out)
		})
	}
}

// A script that mistakes the flags must not take its mistake for logs that were left.
func TestPluginsInTwoFormsAtOnce(t *testing.T) {
	got := command(t, nil, "plugins", "--json", "--schema")
	if got.code != cli.ExitUsage || !strings.Contains(got.err, "--markdown, --json and --schema exclude each other") || got.out != "" {
		t.Errorf("%+v", got)
	}
}

func TestSummaryOfDoc(t *testing.T) {
	for doc, want := range map[string]string{
		"One. Two.":                     "One.",
		"Broken\ninto lines. And more.": "Broken into lines.",
		"No end":                        "No end",
		"Version 4.1 of it.":            "Version 4.1 of it.",
	} {
		if got := describe.Summary(doc); got != want {
			t.Errorf("%q: %q, want %q", doc, got, want)
		}
	}
}

func TestWrapKeepsWords(t *testing.T) {
	text := strings.Repeat("word ", 60)
	got := describe.Wrap(text, "    ")
	for line := range strings.Lines(got) {
		if len(line) > 89 || !strings.HasPrefix(line, "    word") {
			t.Errorf("line of %d columns: %q", len(line), line)
		}
	}
	if strings.Join(strings.Fields(got), " ") != strings.TrimSpace(text) {
		t.Error("words are lost")
	}
}
