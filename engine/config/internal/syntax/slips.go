package syntax

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// Slips that many people make, because other tools have it that way, each with what to write here.

// slip knows slips by what stands at the place of a syntax error.
func (f *File) slip(summary string, before, word []byte, at diagnostics.Range) words {
	rest := f.Src[at.Start.Byte:lineAround(f.Src, at.Start.Byte).To]
	switch {
	case bytes.HasPrefix(rest, []byte("/*")):
		return words{"this comment is not closed", "Add */ where it ends."}
	case heredoc.Match(rest):
		return words{"a heredoc begins with its marker alone at the end of the line", fmt.Sprintf("Write the text on the lines below %s.", heredoc.Find(rest))}
	case shellVariable.Match(rest):
		m := shellVariable.FindSubmatch(rest)
		return words{fmt.Sprintf("%s is no value", m[0]), fmt.Sprintf("Did you mean env(%q)?", string(m[1])+string(m[2]))}
	case summary == "Missing newline after argument" && numberAtEnd.Match(before) && hclsyntax.ValidIdentifier(string(word)):
		quantity := string(bytes.TrimSpace(numberAtEnd.Find(before))) + string(word)
		return words{"a number with a unit stands in double quotes", fmt.Sprintf("Write %q.", diagnostics.Shorten(quantity))}
	}
	return words{}
}

// otherNames are the names that other tools have for our attributes and plugins.
var otherNames = map[string][]string{
	"count":     {"batch_size", "batch_count", "max_events", "max_messages", "max_count"},
	"bytes":     {"max_size", "max_bytes", "batch_bytes", "byte_size"},
	"age":       {"flush_interval", "flush_period", "timeout", "batch_timeout", "interval", "period", "linger", "max_age"},
	"attempts":  {"retries", "max_retries", "max_attempts", "tries", "limit"},
	"backoff":   {"delay", "initial_interval", "initial_backoff", "interval"},
	"workers":   {"concurrency", "parallelism", "threads", "max_workers"},
	"path":      {"file", "filename"},
	"key":       {"prefix", "object_key"},
	"username":  {"user", "login"},
	"amqp":      {"rabbitmq", "rabbit", "amqp091", "amqp_0_9"},
	"s3":        {"awss3", "aws_s3", "minio", "object_store"},
	"stdout":    {"console", "print"},
	"generator": {"generate", "fake", "dummy", "demo_logs"},
	"file":      {"tail", "filelog", "logfile"},
	"json":      {"parse", "parser", "parse_json"},
}

// Meant is the name that was most likely meant by another one, or "".
func Meant(given string, names []string) string {
	for _, name := range names {
		if slices.Contains(otherNames[name], strings.ToLower(given)) {
			return name
		}
	}
	return diagnostics.Suggest(given, names)
}

// AsBlock is how the plugin of a name is written, for a block that begins with its name; "" when there is none.
func (l *Reader) AsBlock(name string) string {
	var blocks []string
	for _, kind := range []engine.Kind{engine.KindInput, engine.KindProcessor, engine.KindOutput} {
		if slices.Contains(l.PluginNames(kind), name) {
			blocks = append(blocks, fmt.Sprintf("%s %q { … }", kind, name))
		}
	}
	return diagnostics.Enumerate(blocks, "or")
}

// Foreign says what there is in the place of blocks that other languages of this syntax have.
func Foreign(block string) string {
	switch block {
	case "locals", "variable", "variables", "output", "data", "provider", "terraform", "module":
		return `There are no values of one's own: write each where it is used, and read what changes by env("NAME", default).`
	}
	return ""
}

var (
	shellVariable = regexp.MustCompile(`^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})`)
	numberAtEnd   = regexp.MustCompile(`[0-9][0-9.]*[ \t]*$`)
)
