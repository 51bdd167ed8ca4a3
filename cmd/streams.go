package cmd

import "github.com/logpipe/logpipe/cmd/internal/cli"

// Streams are what a command talks through, and what it has to know about them.
type Streams = cli.Streams
