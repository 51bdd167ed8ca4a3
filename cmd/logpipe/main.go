// Logpipe moves logs from where they are produced to where they are kept, and loses none.
package main

import (
	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/plugins"
)

//go:generate sh -c "go run . plugins --markdown > plugins.md.new && mv plugins.md.new ../../docs/plugins.md"

func main() { cmd.Main(plugins.All...) }
