package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// CompleteFiles lets the shell offer *.hcl files and folders.
func CompleteFiles(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	names, all := configurations(word)
	if !all || len(names) == 0 || expanded(word) {
		return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return names, directive(names)
}

// CompleteFirst is CompleteFiles for a word that may be a command, too. The commands themselves are offered by cobra, and shells
// take a list of words or files of an extension, not both. So where a command can be meant the files are in the list.
func CompleteFirst(root *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	commands := 0
	for _, name := range CommandNames(root) {
		if strings.HasPrefix(name, word) {
			commands++
		}
	}
	if commands == 0 || len(args) > 0 {
		return CompleteFiles(root, args, word)
	}
	names, _ := configurations(word)
	return names, cobra.ShellCompDirectiveNoFileComp
}

// directive lets the next TAB go on in a folder that is the only name.
func directive(names []string) cobra.ShellCompDirective {
	if len(names) == 1 && strings.HasSuffix(names[0], "/") {
		return cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return cobra.ShellCompDirectiveNoFileComp
}

// plainName has no character that any shell would want quoted. bash evaluates what it is offered.
var plainName = regexp.MustCompile(`^[A-Za-z0-9._+@%,-]+$`)

// configurations lists the *.hcl files and the folders, with a slash behind them, whose names begin with word. All is false when there are others
// that only the shell itself can quote.
func configurations(word string) (names []string, all bool) {
	folder, begin := filepath.Split(word)
	entries, err := os.ReadDir(filepath.Join(".", folder))
	if filepath.IsAbs(folder) {
		entries, err = os.ReadDir(folder)
	}
	if err != nil {
		return nil, true
	}
	all = true
	for _, entry := range entries {
		name := entry.Name()
		hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(begin, ".")
		if hidden || !strings.HasPrefix(name, begin) {
			continue
		}
		info, err := os.Stat(filepath.Join(folder, name)) // a link counts as what it leads to
		isFolder := err == nil && info.IsDir()
		switch {
		case !isFolder && filepath.Ext(name) != ".hcl":
		case !plainName.MatchString(name):
			all = false
		case isFolder:
			names = append(names, folder+name+"/")
		default:
			names = append(names, folder+name)
		}
	}
	return names, all
}

// expanded says whether the shell may have changed the word before it asked, as bash does with ~ and variables: it would compare our
// names with what was typed, and find none.
func expanded(word string) bool { return filepath.IsAbs(word) || strings.ContainsAny(word, "~$'\"\\") }

// CompleteValues lets the shell offer nothing as the value of a flag that has no values of its own and is no file, in root and all below it. Without it
// a shell offers the files of the folder for a number.
func CompleteValues(root *cobra.Command) {
	for _, c := range append(root.Commands(), root) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(f); strings.Contains(name, "FILE") || strings.Contains(name, "FOLDER") {
				return
			}
			if _, has := c.GetFlagCompletionFunc(f.Name); !has && f.Value.Type() != "bool" {
				_ = c.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions) // the flag exists
			}
		})
		if c != root {
			CompleteValues(c)
		}
	}
}
