// Package describe is logpipe plugins: what can be configured, for people, as Markdown, JSON and a JSON schema.
package describe

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// kinds are the sections of every listing, in the order of the flow.
var kinds = []struct {
	kind  engine.Kind
	title string
	note  string
	roles []engine.Role // of their blocks
}{
	{engine.KindInput, "Inputs", "read messages from a source", []engine.Role{engine.RoleInput}},
	{engine.KindProcessor, "Processors", "check, change and group messages", []engine.Role{engine.RoleProcessor}},
	{engine.KindOutput, "Outputs", "store batches; each can also be a fallback or a dead_letter",
		[]engine.Role{engine.RoleOutput, engine.RoleFallback, engine.RoleDeadLetter}},
}

// Command is logpipe plugins.
func Command(a *cli.App) *cobra.Command {
	var markdown, asJSON, asSchema bool
	c := &cobra.Command{
		Use:   "plugins [NAME...]",
		Short: "List the plugins, or describe one",
		Long: `List the plugins that this binary has, or describe those of a name: what they do,
their options with types and defaults, and an example.`,
		Example: `  logpipe plugins              all, with a line each
  logpipe plugins s3           everything about s3
  logpipe plugins output.amqp  the output of that name, without the input
  logpipe plugins --schema     a JSON schema of a file, for editors and programs`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return pluginNames(a), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case markdown && asJSON || markdown && asSchema || asJSON && asSchema:
				return cli.Usagef("--markdown, --json and --schema exclude each other; choose one")
			case (markdown || asJSON || asSchema) && len(args) > 0:
				return cli.Usagef("--markdown, --json and --schema are about all plugins; take %s out", args[0])
			case markdown:
				return a.Print(markdownOf(a))
			case asJSON:
				return a.Print(pluginsJSON(a))
			case asSchema:
				return a.Print(schemaJSON(a))
			case len(args) == 0:
				return a.Print(listPlugins(a))
			default:
				return describePlugins(a, args)
			}
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "write the reference of all plugins as Markdown")
	c.Flags().BoolVar(&asJSON, "json", false, "write all plugins and their options as JSON")
	c.Flags().BoolVar(&asSchema, "schema", false, "write a JSON schema (2020-12) of a pipeline file in HCL's JSON syntax")
	return c
}

// ofKind is every plugin of a kind, by name.
func ofKind(a *cli.App, kind engine.Kind) []engine.Plugin {
	var found []engine.Plugin
	for _, p := range a.Plugins {
		if p.Kind() == kind {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(p, q engine.Plugin) int { return strings.Compare(p.Name(), q.Name()) })
	return found
}

func pluginNames(a *cli.App) []string {
	var names []string
	for _, p := range a.Plugins {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func listPlugins(a *cli.App) string {
	var s strings.Builder
	table := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	for _, k := range kinds {
		fmt.Fprintf(table, "%s %s:\n", k.title, k.note)
		for _, p := range ofKind(a, k.kind) {
			fmt.Fprintf(table, "  %s\t%s%s\n", p.Name(), Summary(p.Doc()), origin(p))
		}
		fmt.Fprintln(table)
	}
	fmt.Fprintln(table, `"logpipe plugins NAME" describes one, with all of its options.`)
	_ = table.Flush() // into memory
	return s.String()
}

// origin says where a plugin comes from that is not logpipe's own.
func origin(p engine.Plugin) string {
	if !IsForeign(p) {
		return ""
	}
	return " (" + p.Package() + ")"
}

func describePlugins(a *cli.App, names []string) error {
	var s strings.Builder
	for _, name := range names {
		found := named(a, name)
		if len(found) == 0 {
			return noPlugin(a, name)
		}
		for _, p := range found {
			if s.Len() > 0 {
				s.WriteByte('\n')
			}
			describe(&s, p)
		}
	}
	return a.Print(s.String())
}

func noPlugin(a *cli.App, name string) error {
	names := pluginNames(a)
	has := strings.Join(names, ", ")
	if similar := config.Suggest(name, names); similar != "" {
		return cli.Usagef("there is no plugin %q; this binary has: %s; did you mean %q?", name, has, similar)
	}
	return cli.Usagef("there is no plugin %q; this binary has: %s", name, has)
}

// named finds plugins by name, or by kind and name as in "output.s3". One name may stand for an input and an output.
func named(a *cli.App, name string) []engine.Plugin {
	var found []engine.Plugin
	for _, k := range kinds {
		for _, p := range ofKind(a, k.kind) {
			if name == p.Name() || name == string(p.Kind())+"."+p.Name() {
				found = append(found, p)
			}
		}
	}
	return found
}
