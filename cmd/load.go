package cmd

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/engine/config"
)

// load reads the pipelines of files and folders and says what is wrong with them. Its error is an exit code.
func (a *app) load(paths []string, o config.Options) (*config.Config, error) {
	cfg, found := a.read(paths, o)
	found.WriteText(a.Err, a.color(), a.width())
	if found.HasErrors() {
		return nil, exit(exitConfig)
	}
	return cfg, nil
}

func (a *app) read(paths []string, o config.Options) (*config.Config, *config.Diagnostics) {
	o.Plugins, o.Version, o.Stdin = a.plugins, a.version, a.In
	if o.LookupEnv == nil {
		o.LookupEnv = a.LookupEnv
	}
	return config.Load(paths, o)
}

// environment is the environment with what the files add to it. A variable that is really set wins, also an empty one; of two
// files the later wins.
func (a *app) environment(files []string) (func(string) (string, bool), error) {
	lookup, err := a.variables(files)
	if err != nil {
		fmt.Fprintf(a.Err, "logpipe: %v\n", err)
		return nil, exit(exitConfig)
	}
	return lookup, nil
}

// variables is environment for who says himself what is wrong.
func (a *app) variables(files []string) (func(string) (string, bool), error) {
	added := map[string]string{}
	for _, name := range files {
		variables, err := readEnvFile(name)
		if err != nil {
			return nil, err
		}
		for key, value := range variables {
			added[key] = value
		}
	}
	return func(key string) (string, bool) {
		if value, ok := a.LookupEnv(key); ok {
			return value, true
		}
		value, ok := added[key]
		return value, ok
	}, nil
}

func readEnvFile(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("env file: %w", err)
	}
	defer f.Close()
	variables, err := config.ParseEnvFile(f)
	if err != nil {
		return nil, fmt.Errorf("env file %s: %w", name, err)
	}
	return variables, nil
}

// terminal reports whether Err can show colours and a line that is drawn again.
func (a *app) terminal() bool {
	name, _ := a.LookupEnv("TERM")
	return a.ErrTerminal && name != "dumb"
}

// color follows https://no-color.org.
func (a *app) color() bool {
	no, _ := a.LookupEnv("NO_COLOR")
	return a.terminal() && no == ""
}

func (a *app) width() int {
	if a.Width == nil {
		return 0
	}
	return a.Width()
}

// completeFiles lets the shell offer *.hcl files and folders.
func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
}
