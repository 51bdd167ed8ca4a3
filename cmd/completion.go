package cmd

import (
	_ "embed"
	"io"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
)

// bashFallback has what cobra's script calls of the package bash-completion, for a bash that does not have it.
//
//go:embed completion.bash
var bashFallback string

// completionHelp says for each shell how it is installed. test/completion does what stands here.
var completionHelp = map[string]string{
	"bash": `Write the completion of logpipe for bash.

For this session:

  eval "$(logpipe completion bash)"

For every new one:

  echo 'eval "$(logpipe completion bash)"' >> ~/.bashrc`,
	"zsh": `Write the completion of logpipe for zsh.

For this session, where completion is on:

  source <(logpipe completion zsh)

For every new one:

  echo 'autoload -U compinit && compinit && source <(logpipe completion zsh)' >> ~/.zshrc`,
	"fish": `Write the completion of logpipe for fish.

For this session:

  logpipe completion fish | source

For every new one:

  mkdir -p ~/.config/fish/completions
  logpipe completion fish > ~/.config/fish/completions/logpipe.fish`,
}

// completion adds cobra's command that writes the scripts of the shells, with what it lacks.
func completion(root *cobra.Command) {
	cli.CompleteValues(root)
	root.InitDefaultCompletionCmd() // it keeps the output that is set now
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			refuseUnknown(c)
			for _, shell := range c.Commands() {
				describeShell(root, shell)
			}
		}
	}
}

// refuseUnknown makes the completion command refuse a shell that it does not know, where cobra shows the help and calls it a success.
func refuseUnknown(c *cobra.Command) {
	c.Short = "Write the script that completes commands, flags and files with TAB, for a shell"
	c.Long = c.Short + ".\nThe help of each shell says how to install it, such as \"logpipe completion bash --help\"."
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return cli.UnknownCommand(c, args)
		}
		return c.Help()
	}
}

func describeShell(root, shell *cobra.Command) {
	if text := completionHelp[shell.Name()]; text != "" {
		shell.Long = text
	}
	if shell.Name() != "bash" {
		return
	}
	script := shell.RunE
	shell.RunE = func(c *cobra.Command, args []string) error {
		if _, err := io.WriteString(root.OutOrStdout(), bashFallback); err != nil {
			return err
		}
		return script(c, args)
	}
}
