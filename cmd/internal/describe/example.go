package describe

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// exampleOf writes a block that shows how the plugin is configured: what it requires, what it does by default, and what its
// author gave an example for.
func exampleOf(p engine.Plugin, options []option) string {
	type line struct{ name, value string }
	var lines []line
	width := 0
	for _, o := range options {
		if value := shown(o); value != "" {
			lines = append(lines, line{o.Name, value})
			width = max(width, len(o.Name))
		}
	}
	head := fmt.Sprintf("%s %q {", p.Kind(), p.Name())
	if len(lines) == 0 {
		return head + "}\n"
	}
	var s strings.Builder
	s.WriteString(head + "\n")
	for _, l := range lines {
		fmt.Fprintf(&s, "  %-*s = %s\n", width, l.name, l.value)
	}
	return s.String() + "}\n"
}

// shown is the value that an example has for an option; "" leaves the option out.
func shown(o option) string {
	switch {
	case o.Example != "":
		return o.Example
	case o.Block:
		return ""
	case o.Required:
		return placeholder(o)
	case isOff(o.Default):
		return ""
	default:
		return o.Default
	}
}

// isOff reports that a default means "off" or "not set", which an example need not repeat.
func isOff(value string) bool {
	switch value {
	case "0", "false", `"0s"`:
		return true
	}
	return false
}

// placeholder is what an example writes for an attribute that has no default.
func placeholder(o option) string {
	if len(o.Values) > 0 {
		return quoteHCL(o.Values[0])
	}
	switch {
	case o.Type == "bool":
		return "true"
	case o.Type == "integer" || o.Type == "number":
		return "1"
	case o.Type == "duration":
		return `"5s"`
	case o.Type == "size":
		return `"16MiB"`
	case o.Type == "secret":
		return "env(" + strconv.Quote(strings.ToUpper(o.Name)) + ")"
	case o.Type == "condition":
		return `"level == 'debug'"`
	case strings.HasPrefix(o.Type, "list"):
		return `["..."]`
	case strings.HasPrefix(o.Type, "map"):
		return `{ name = "..." }`
	default:
		return `"..."`
	}
}

// literal writes a default as it would stand in a file. Empty texts, lists and maps are "": they say nothing to a reader.
func literal(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return strconv.Quote(config.DurationText(x))
	case engine.Bytes:
		if x == 0 {
			return "0"
		}
		return strconv.Quote(x.String())
	case engine.Secret:
		return ""
	case engine.Template:
		if x.String() == "" {
			return ""
		}
		return `"` + x.String() + `"`
	case engine.Condition:
		if x.IsZero() {
			return ""
		}
		return quoteHCL(x.String())
	}
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			return ""
		}
		return expression(v)
	default:
		return fmt.Sprint(v.Interface())
	}
}

func expression(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return quoteHCL(v.String())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = expression(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		var parts []string
		for key, value := range v.Seq2() {
			parts = append(parts, expression(key)+" = "+expression(value))
		}
		slices.Sort(parts)
		return "{ " + strings.Join(parts, ", ") + " }"
	default:
		return fmt.Sprint(v.Interface())
	}
}

// quoteHCL writes s as a string of the configuration language, in which ${ and %{ begin a template.
func quoteHCL(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}
