package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/config"
)

func fmtCommand(a *cli.App) *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "fmt FILE...",
		Short: "Format files in place",
		Long: `Format files, or the *.hcl files of folders, in place, and list those that changed.
"-" formats standard input to standard output. A file with a syntax error stays as it is.`,
		Example: `  logpipe fmt pipeline.hcl
  logpipe fmt --check examples/
  logpipe fmt - < pipeline.hcl`,
		Args:              cli.AtLeastOne(`a file, a folder with *.hcl files, or "-"`),
		ValidArgsFunction: cli.CompleteFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			return format(a, args, check)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "change nothing; list the files that would change, and exit with 3 if there are any")
	return c
}

// format goes through all files, also behind one that has a mistake.
func format(a *cli.App, paths []string, check bool) error {
	broken, differs := false, false
	for _, path := range paths {
		files, err := filesOf(path)
		if err != nil {
			broken = true
			fmt.Fprintf(a.Err, "logpipe: %v\n", err)
		}
		for _, file := range files {
			changed, err := formatOne(a, file, check)
			differs = differs || changed
			switch {
			case errors.Is(err, cli.Exit(cli.ExitConfig)):
				broken = true
			case err != nil:
				return err
			}
		}
	}
	switch {
	case broken:
		return cli.Exit(cli.ExitConfig)
	case check && differs:
		return cli.Exit(cli.ExitDiffers)
	}
	return nil
}

// filesOf is a file itself, or the *.hcl files of a folder: those that run would read, and their tests.
func filesOf(path string) ([]string, error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".hcl" && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no *.hcl files", path)
	}
	return files, nil
}

func formatOne(a *cli.App, file string, check bool) (changed bool, err error) {
	src, err := source(a, file)
	if err != nil {
		return false, err
	}
	name := file
	if file == "-" {
		name = "<stdin>"
	}
	formatted, found := config.Format(name, src)
	found.WriteText(a.Err, a.Color(), a.Columns())
	if found.HasErrors() {
		return false, cli.Exit(cli.ExitConfig)
	}
	changed = !bytes.Equal(src, formatted)
	switch {
	case file == "-" && !check:
		return changed, a.Print(string(formatted))
	case !changed:
		return false, nil
	case !check && cli.IsOnceOnly(file):
		return true, fmt.Errorf("%s cannot be formatted in place; \"-\" formats standard input to standard output", cli.OnceOnlyName(file))
	case !check:
		if err := replace(file, formatted); err != nil {
			return true, err
		}
	}
	return true, a.Print(name + "\n")
}

func source(a *cli.App, file string) ([]byte, error) {
	from := a.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	return io.ReadAll(io.LimitReader(from, config.MaxFile+1)) // one byte more: then Format says that it is too large
}

// replace gives a file new contents at one stroke: whoever reads it sees the old or the new, also after a crash. It keeps the
// mode and, where that is allowed, the owner. Where the name is a link, the file behind it is replaced.
func replace(name string, contents []byte) (err error) {
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name()) // the error that brought us here says more
		}
	}()
	defer temp.Close() // again after an error
	if _, err = temp.Write(contents); err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = temp.Chown(int(owner.Uid), int(owner.Gid)) // only root may; the contents count
	}
	if err = temp.Chmod(info.Mode()); err != nil {
		return err
	}
	if err = temp.Sync(); err != nil {
		return err
	}
	if err = temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), name)
}
