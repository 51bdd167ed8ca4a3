package describe

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// Summary is the first sentence of a documentation.
func Summary(doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	if end := strings.Index(doc, ". "); end >= 0 {
		return doc[:end+1]
	}
	return doc
}

// describe writes everything about one plugin.
func describe(s *strings.Builder, p engine.Plugin) {
	options := optionsOf(reflect.ValueOf(p.NewConfig()))
	fmt.Fprintf(s, "%s %q%s\n\n", p.Kind(), p.Name(), origin(p))
	s.WriteString(Wrap(p.Doc(), "  "))
	if len(options) > 0 {
		s.WriteString("\nOptions:\n")
		describeOptions(s, options, "  ")
	}
	for _, k := range kinds {
		if k.kind == p.Kind() {
			describeRoles(s, k.roles)
		}
	}
	s.WriteString("\nExample:\n")
	for line := range strings.Lines(exampleOf(p, options)) {
		s.WriteString("  " + line)
	}
}

// describeRoles writes the options that the engine itself has on the blocks of a plugin.
func describeRoles(s *strings.Builder, roles []engine.Role) {
	for _, role := range roles {
		if options := optionsOf(reflect.ValueOf(config.BlockAttributes(role))); len(options) > 0 {
			fmt.Fprintf(s, "\nOptions of every block %s:\n", role)
			describeOptions(s, options, "  ")
		}
	}
}

func describeOptions(s *strings.Builder, options []option, indent string) {
	for _, o := range options {
		fmt.Fprintf(s, "%s%s (%s)\n", indent, o.Name, strings.Join(o.facts(), ", "))
		s.WriteString(Wrap(o.Doc, indent+"    "))
		describeOptions(s, o.Options, indent+"    ")
	}
}

// facts are what there is to say of an option beside its documentation.
func (o option) facts() []string {
	facts := []string{o.Type}
	switch {
	case o.Required:
		facts = append(facts, "required")
	case o.Default != "":
		facts = append(facts, "default "+o.Default)
	}
	if o.Many {
		facts = append(facts, "may be repeated")
	}
	if len(o.Values) > 0 {
		facts = append(facts, "one of "+strings.Join(o.Values, ", "))
	}
	return facts
}

// Wrap breaks text into lines of at most 88 columns. The lines of a paragraph are one text; an empty line between paragraphs stays, and so does
// a line that is indented, as an example is.
func Wrap(text, indent string) string {
	var s strings.Builder
	var paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			for _, line := range config.Wrap(strings.Join(paragraph, " "), 88-len(indent)) {
				s.WriteString(indent + line + "\n")
			}
		}
		paragraph = nil
	}
	for source := range strings.Lines(strings.TrimSpace(text)) {
		source = strings.TrimRight(source, " \t\n")
		if source == "" || strings.HasPrefix(source, " ") || strings.HasPrefix(source, "\t") {
			end()
			s.WriteString(strings.TrimRight(indent+source, " ") + "\n")
			continue
		}
		paragraph = append(paragraph, strings.Fields(source)...)
	}
	end()
	return s.String()
}

const ModulePath = "github.com/logpipe/logpipe"

// IsForeign reports whether a plugin comes from another module. What is in package main is of a program that is not logpipe's.
func IsForeign(p engine.Plugin) bool {
	return p.Package() != ModulePath && !strings.HasPrefix(p.Package(), ModulePath+"/")
}
