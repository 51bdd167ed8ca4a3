package cmd_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins"
)

// keep is a processor that does nothing.
type keep struct{}

func (keep) Process(context.Context, *engine.Batch) error { return nil }

var keepPlugin = engine.NewTransform("keep", "Lets all messages pass.",
	func() struct{} { return struct{}{} },
	func(struct{}, engine.Env) (engine.Transform, error) { return keep{}, nil })

// The whole main of a logpipe with a plugin of one's own.
func ExampleMain() {
	cmd.Main(append(plugins.All, keepPlugin)...)
}

// Run is Main without the process: for tests of a binary.
func ExampleRun() {
	file := `pipeline "example" {
  input "generator" {
    count = 3
  }
  processor "keep" {}
  output "stdout" {}
}`
	code := cmd.Run(context.Background(), []string{"validate", "-"}, cmd.Streams{In: strings.NewReader(file), Out: os.Stdout, Err: os.Stdout},
		append(plugins.All, keepPlugin)...)
	fmt.Println("exit code", code)
	// Output: exit code 0
}
