// Mylogpipe is logpipe with the plugins of this module.
package main

import (
	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/plugins"

	"example.com/logs"
)

func main() { cmd.Main(append(plugins.All, logs.Plugins...)...) }
