package cmd

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

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

func (a *app) pluginsCommand() *cobra.Command {
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
			return a.pluginNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case markdown && asJSON || markdown && asSchema || asJSON && asSchema:
				return usagef("--markdown, --json and --schema exclude each other; choose one")
			case (markdown || asJSON || asSchema) && len(args) > 0:
				return usagef("--markdown, --json and --schema are about all plugins; take %s out", args[0])
			case markdown:
				return a.print(a.markdown())
			case asJSON:
				return a.print(a.pluginsJSON())
			case asSchema:
				return a.print(a.schemaJSON())
			case len(args) == 0:
				return a.print(a.listPlugins())
			default:
				return a.describePlugins(args)
			}
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "write the reference of all plugins as Markdown")
	c.Flags().BoolVar(&asJSON, "json", false, "write all plugins and their options as JSON")
	c.Flags().BoolVar(&asSchema, "schema", false, "write a JSON schema (2020-12) of a pipeline file in HCL's JSON syntax")
	return c
}

// ofKind is every plugin of a kind, by name.
func (a *app) ofKind(kind engine.Kind) []engine.Plugin {
	var found []engine.Plugin
	for _, p := range a.plugins {
		if p.Kind() == kind {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(p, q engine.Plugin) int { return strings.Compare(p.Name(), q.Name()) })
	return found
}

func (a *app) pluginNames() []string {
	var names []string
	for _, p := range a.plugins {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *app) listPlugins() string {
	var s strings.Builder
	table := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	for _, k := range kinds {
		fmt.Fprintf(table, "%s %s:\n", k.title, k.note)
		for _, p := range a.ofKind(k.kind) {
			fmt.Fprintf(table, "  %s\t%s%s\n", p.Name(), summary(p.Doc()), origin(p))
		}
		fmt.Fprintln(table)
	}
	fmt.Fprintln(table, `"logpipe plugins NAME" describes one, with all of its options.`)
	_ = table.Flush() // into memory
	return s.String()
}

// origin says where a plugin comes from that is not logpipe's own.
func origin(p engine.Plugin) string {
	if !isForeign(p) {
		return ""
	}
	return " (" + p.Package() + ")"
}

func (a *app) describePlugins(names []string) error {
	var s strings.Builder
	for _, name := range names {
		found := a.named(name)
		if len(found) == 0 {
			return a.noPlugin(name)
		}
		for _, p := range found {
			if s.Len() > 0 {
				s.WriteByte('\n')
			}
			describe(&s, p)
		}
	}
	return a.print(s.String())
}

func (a *app) noPlugin(name string) error {
	names := a.pluginNames()
	has := strings.Join(names, ", ")
	if similar := config.Suggest(name, names); similar != "" {
		return usagef("there is no plugin %q; this binary has: %s; did you mean %q?", name, has, similar)
	}
	return usagef("there is no plugin %q; this binary has: %s", name, has)
}

// named finds plugins by name, or by kind and name as in "output.s3". One name may stand for an input and an output.
func (a *app) named(name string) []engine.Plugin {
	var found []engine.Plugin
	for _, k := range kinds {
		for _, p := range a.ofKind(k.kind) {
			if name == p.Name() || name == string(p.Kind())+"."+p.Name() {
				found = append(found, p)
			}
		}
	}
	return found
}
