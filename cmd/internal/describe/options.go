package describe

import (
	"reflect"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// option is one attribute or nested block of a plugin's configuration, as its struct describes it.
type option struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"` // in the words of the documentation
	Doc      string   `json:"doc"`
	Required bool     `json:"required,omitempty"`
	Default  string   `json:"default,omitempty"` // as it would be written in a file; "" is none
	Values   []string `json:"values,omitempty"`  // the only ones allowed; nil is any
	Example  string   `json:"example,omitempty"` // as it would be written in a file; "" is none
	Block    bool     `json:"block,omitempty"`
	Many     bool     `json:"many,omitempty"`    // a block that may be repeated
	Options  []option `json:"options,omitempty"` // of the block
}

// optionsOf reads the tags of the configuration struct cfg, whose values are the defaults.
func optionsOf(cfg reflect.Value) []option {
	cfg = reflect.Indirect(cfg)
	var all []option
	for _, field := range reflect.VisibleFields(cfg.Type()) {
		name, kind, _ := strings.Cut(field.Tag.Get("hcl"), ",")
		if name == "" {
			continue // no attribute, or a struct whose fields come in its place
		}
		value := cfg.FieldByIndex(field.Index)
		o := option{Name: name, Doc: field.Tag.Get("doc"), Required: kind == ""}
		if kind == "block" {
			o.Block, o.Type = true, "block"
			o.Many = field.Type.Kind() == reflect.Slice
			o.Required = field.Type.Kind() == reflect.Struct
			o.Options = optionsOf(blockOf(value))
		} else {
			o.Type = typeWord(field.Type)
			o.Example = exampleValue(o.Type, field.Tag.Get("example"))
			if values := field.Tag.Get("values"); values != "" {
				o.Values = strings.Split(values, ",")
			}
			if !o.Required {
				o.Default = literal(value)
			}
		}
		all = append(all, o)
	}
	return all
}

// exampleValue is what the tag example:"…" of a field says: the text of a string or template without its quotes, else a value as in a file.
func exampleValue(typeWord, tag string) string {
	if tag != "" && (typeWord == "string" || typeWord == "template" || typeWord == "condition") {
		return `"` + tag + `"`
	}
	return tag
}

// blockOf is the struct of a nested block: its own defaults where the block is filled in, else an empty one.
func blockOf(v reflect.Value) reflect.Value {
	t := v.Type()
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if t.Kind() == reflect.Pointer && !v.IsNil() {
			return v.Elem()
		}
		t = t.Elem()
		v = reflect.Zero(t)
	}
	return v
}

var (
	durationType  = reflect.TypeFor[time.Duration]()
	bytesType     = reflect.TypeFor[engine.Bytes]()
	secretType    = reflect.TypeFor[engine.Secret]()
	templateType  = reflect.TypeFor[engine.Template]()
	conditionType = reflect.TypeFor[engine.Condition]()
)

// mapOfValues is the type of attributes whose values are texts, numbers and booleans.
const mapOfValues = "map of values"

func typeWord(t reflect.Type) string {
	switch t {
	case durationType:
		return "duration"
	case bytesType:
		return "size"
	case secretType:
		return "secret"
	case templateType:
		return "template"
	case conditionType:
		return "condition"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeWord(t.Elem())
	case reflect.Slice:
		return "list of " + typeWord(t.Elem()) + "s"
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return mapOfValues
		}
		return "map of " + typeWord(t.Elem()) + "s"
	case reflect.String, reflect.Bool:
		return t.Kind().String()
	case reflect.Float32, reflect.Float64:
		return "number"
	default:
		return "integer"
	}
}
