package describe

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// markdownOf is the reference of all plugins, as it stands in docs/plugins.md.
func markdownOf(a *cli.App) string {
	var s strings.Builder
	s.WriteString(markdownHead)
	markdownEngine(&s)
	for _, k := range kinds {
		fmt.Fprintf(&s, "\n## %s\n\n%s %s.\n", k.title, k.title, k.note)
		for _, p := range ofKind(a, k.kind) {
			markdownPlugin(&s, p)
		}
	}
	return s.String()
}

const markdownHead = `<!-- Written by "logpipe plugins --markdown" from the plugins' own descriptions. Change those, then run "go generate ./cmd/logpipe". -->

# Plugins

Types: a *duration* is a text such as ` + "`\"5s\"`" + `, a *size* a number of bytes or a text such as ` + "`\"16MiB\"`" + `, a *secret* a
text that is never printed, a *template* a text that is rendered once for each batch, a *condition* a question about a message, see below.

` + markdownConditions

const markdownConditions = "## Conditions\n\nA condition is a text such as `\"level == 'debug' && status >= 500\"`, in the language of " +
	"[expr](https://expr-lang.org/docs/language-definition). Single quotes around texts need no escapes in a file. It is compiled when the file is loaded; a mistake has its place." + `

| | |
| --- | --- |
| ` + "`level`, `user.id`, `user['x-y']`" + ` | a field of the JSON record. A name with dots is also a key that is written so. What is missing is nil, also within what is missing; of a key that is there twice the last one counts |
| ` + "`has('user.id')`, `field('in')`" + ` | whether a field is there, be it null; a field whose name is a word of the language |
| ` + "`message.body`, `.size`, `.id`, `.routing_key`, `.headers['x']`, `.time`" + ` | the message itself: the body as text, its length in bytes, what its source knows, its time of arrival in UTC (of its event behind a ` + "`batch`" + `). The record's own field of that name is ` + "`message`, and `field('message.id')`" + ` what is in it |
| ` + "`== != < <= > >= in contains startsWith endsWith matches && \\|\\| not ??`" + ` | operators. A number never equals a text: ` + "`status == '500'`" + ` is false of 500 |
| ` + "`lower upper trim len split any all none filter map int float string date duration …`" + ` | functions of the language, but for those that depend on the clock or on chance (now, keys, values, toPairs) and for repeat |

Whole numbers are exact within 64 bits. A condition has no answer where it compares what cannot be compared (nothing, or a text, with a number by ` + "`<`" + `), where its result is not true or false,
and where it asks for fields of a message that is no JSON object; the plugin says what becomes of such a message. ` + "`has('status') && status >= 500`" + ` always has one of a record whose status is a number.
`

// branchNote is what the table of a branch cannot say.
const branchNote = `
A pipeline may have blocks ` + "`branch \"NAME\"`" + ` in place of its output: behind its common processors stand several ways, each with processors, an output, and as it likes a fallback
and a dead_letter of its own (else that of the pipeline). A message goes to each branch whose ` + "`when`" + ` is true of it, and is settled when all of these have it.
What has no answer to a ` + "`when`" + ` is a dead letter. A branch that is down keeps nothing from the others until what it holds fills the window of the inputs; with a fallback that does not happen.
`

// markdownEngine writes the options that the engine has on blocks of its own and on those of plugins.
func markdownEngine(s *strings.Builder) {
	s.WriteString("\n## Options of the engine\n\nThe engine has options of its own, beside those of the plugin that a block names.\n")
	table := func(block string, attributes any) {
		if options := optionsOf(reflect.ValueOf(attributes)); len(options) > 0 {
			fmt.Fprintf(s, "\nIn a block `%s`:\n\n%s", block, tableHead)
			markdownRows(s, "", options)
		}
	}
	table("pipeline", config.PipelineAttributes())
	s.WriteString(branchNote)
	table("branch", config.BranchAttributes())
	for _, k := range kinds {
		for _, role := range k.roles {
			table(string(role), config.BlockAttributes(role))
		}
	}
	s.WriteString("\nBeside the pipelines stand blocks for the process. The `admin` block is about its HTTP side; there is at most one, and without it the " +
		"defaults hold.\nAn `alert` block watches pipelines; there may be several.\n")
	table("admin", config.NewAdmin())
	table(`alert "webhook"`, config.NewAlert(config.AlertWebhook))
	table(`alert "alertmanager"`, config.NewAlert(config.AlertAlertmanager))
}

const tableHead = "| Option | Type | Default | What it does |\n| --- | --- | --- | --- |\n"

func markdownPlugin(s *strings.Builder, p engine.Plugin) {
	options := optionsOf(reflect.ValueOf(p.NewConfig()))
	fmt.Fprintf(s, "\n### %s %q\n\n%s\n", p.Kind(), p.Name(), strings.TrimSpace(p.Doc()))
	if len(options) > 0 {
		s.WriteString("\n" + tableHead)
		markdownRows(s, "", options)
	}
	fmt.Fprintf(s, "\n```hcl\n%s```\n", exampleOf(p, options))
}

func markdownRows(s *strings.Builder, parent string, options []option) {
	for _, o := range options {
		standard := code(o.Default)
		if o.Required {
			standard = "required"
		}
		word := o.Type
		if o.Many {
			word += ", may be repeated"
		}
		doc := strings.Join(strings.Fields(o.Doc), " ")
		if len(o.Values) > 0 {
			doc += " One of " + code(o.Values...) + "."
		}
		fmt.Fprintf(s, "| %s | %s | %s | %s |\n", code(parent+o.Name), word, cell(standard), cell(doc))
		markdownRows(s, parent+o.Name+".", o.Options)
	}
}

func code(words ...string) string {
	var quoted []string
	for _, w := range words {
		if w != "" {
			quoted = append(quoted, "`"+w+"`")
		}
	}
	return strings.Join(quoted, ", ")
}

// cell keeps a text from ending the cell of a table that it stands in.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
