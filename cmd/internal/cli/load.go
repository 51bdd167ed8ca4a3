package cli

import (
	"fmt"
	"os"

	"github.com/logpipe/logpipe/engine/config"
)

// Load reads the pipelines of files and folders and says what is wrong with them. Its error is an exit code.
func (a *App) Load(paths []string, o config.Options) (*config.Config, error) {
	cfg, found := a.Read(paths, o)
	found.WriteText(a.Err, a.Color(), a.Columns())
	if found.HasErrors() {
		return nil, Exit(ExitConfig)
	}
	return cfg, nil
}

// Read reads the pipelines of files and folders.
func (a *App) Read(paths []string, o config.Options) (*config.Config, *config.Diagnostics) {
	o.Plugins, o.Version, o.Stdin = a.Plugins, a.Version, a.In
	o.Contents = a.onceOnly(paths)
	if o.LookupEnv == nil {
		o.LookupEnv = a.LookupEnv
	}
	return config.Load(paths, o)
}

// Environment is the environment with what the files add to it. A variable that is really set wins, also an empty one; of two
// files the later wins.
func (a *App) Environment(files []string) (func(string) (string, bool), error) {
	lookup, err := a.Variables(files)
	if err != nil {
		fmt.Fprintf(a.Err, "logpipe: %v\n", err)
		return nil, Exit(ExitConfig)
	}
	return lookup, nil
}

// Variables is environment for who says himself what is wrong.
func (a *App) Variables(files []string) (func(string) (string, bool), error) {
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

// Terminal reports whether Err can show colours and a line that is drawn again.
func (a *App) Terminal() bool {
	name, _ := a.LookupEnv("TERM")
	return a.ErrTerminal && name != "dumb"
}

// Color follows https://no-color.org.
func (a *App) Color() bool {
	no, _ := a.LookupEnv("NO_COLOR")
	return a.Terminal() && no == ""
}

// Columns is the width of Err's terminal; 0 is unknown.
func (a *App) Columns() int {
	if a.Width == nil {
		return 0
	}
	return a.Width()
}
