package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// kind is what a field of a configuration struct can hold.
type kind int

const (
	kindString kind = iota + 1
	kindBool
	kindInt
	kindFloat
	kindDuration
	kindBytes
	kindSecret
	kindTemplate
	kindCondition
	kindSecrets // []engine.Secret
	kindList    // []string
	kindMap     // map[string]string
	kindAny     // anyValue, which only this package has
	kindBlock   // a nested block, at most once
	kindBlocks
)

// field is one attribute or nested block, as the tags of a struct describe it.
type field struct {
	name     string
	doc      string
	values   []string // the only texts allowed; nil is any
	kind     kind
	required bool
	index    []int // of the struct's field, see reflect.Value.FieldByIndex
}

var (
	durationType  = reflect.TypeFor[time.Duration]()
	bytesType     = reflect.TypeFor[engine.Bytes]()
	secretType    = reflect.TypeFor[engine.Secret]()
	templateType  = reflect.TypeFor[engine.Template]()
	conditionType = reflect.TypeFor[engine.Condition]()
	secretsType   = reflect.TypeFor[[]engine.Secret]()
	listType      = reflect.TypeFor[[]string]()
	mapType       = reflect.TypeFor[map[string]string]()
	anyType       = reflect.TypeFor[anyValue]()
)

// schema reads the fields of a struct in their order. The fields of an embedded struct without a tag count as its own.
func schema(t reflect.Type) ([]field, error) {
	var fields []field
	seen := map[string]bool{}
	for _, sf := range reflect.VisibleFields(t) {
		tag, ok := sf.Tag.Lookup("hcl")
		if !ok {
			continue
		}
		f, err := fieldOf(sf, tag)
		if hidden := hiddenPointer(t, sf.Index); err == nil && hidden != "" {
			err = fmt.Errorf("it is behind a pointer to %s, which cannot be set; embed the struct itself", hidden)
		}
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", sf.Name, err)
		}
		if seen[f.name] {
			return nil, fmt.Errorf("two fields are named %q", f.name)
		}
		seen[f.name] = true
		fields = append(fields, f)
	}
	return fields, nil
}

// hiddenPointer names an embedded pointer on the way to a field that reflection cannot fill in, because its type is not exported.
func hiddenPointer(t reflect.Type, index []int) string {
	for _, i := range index[:len(index)-1] {
		sf := t.Field(i)
		if t = sf.Type; t.Kind() == reflect.Pointer {
			if !sf.IsExported() {
				return t.Elem().Name()
			}
			t = t.Elem()
		}
	}
	return ""
}

func fieldOf(sf reflect.StructField, tag string) (field, error) {
	name, option, _ := strings.Cut(tag, ",")
	f := field{name: name, doc: sf.Tag.Get("doc"), index: sf.Index, required: option == ""}
	if v := sf.Tag.Get("values"); v != "" {
		f.values = strings.Split(v, ",")
	}
	if !isName(name) {
		return f, fmt.Errorf("%q is no name for an attribute", name)
	}
	if !sf.IsExported() {
		return f, fmt.Errorf("it is not exported")
	}
	switch option {
	case "", "optional":
		f.kind = scalarKind(sf.Type)
	case "block":
		f.kind = blockKind(sf.Type)
		f.required = sf.Type.Kind() == reflect.Struct
	default:
		return f, fmt.Errorf("%q is no option of an hcl tag; there are optional and block", option)
	}
	if f.kind == 0 {
		return f, fmt.Errorf("a %s cannot be read from a file", sf.Type)
	}
	if f.kind == kindBlock || f.kind == kindBlocks {
		if _, err := schema(structType(sf.Type)); err != nil {
			return f, err
		}
	}
	return f, nil
}

func scalarKind(t reflect.Type) kind {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case durationType:
		return kindDuration
	case bytesType:
		return kindBytes
	case secretType:
		return kindSecret
	case templateType:
		return kindTemplate
	case conditionType:
		return kindCondition
	case secretsType:
		return kindSecrets
	case listType:
		return kindList
	case mapType:
		return kindMap
	case anyType:
		return kindAny
	}
	switch t.Kind() {
	case reflect.String:
		return kindString
	case reflect.Bool:
		return kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return kindInt
	case reflect.Float32, reflect.Float64:
		return kindFloat
	}
	return 0
}

// blockKind knows struct and *struct for one block, []struct and []*struct for any number.
func blockKind(t reflect.Type) kind {
	switch {
	case structType(t).Kind() != reflect.Struct:
		return 0
	case t.Kind() == reflect.Slice:
		return kindBlocks
	}
	return kindBlock
}

func structType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// checkSchema finds what a plugin's author did wrong.
func checkSchema(p engine.Plugin) error {
	fields, err := schema(reflect.TypeOf(p.NewConfig()).Elem())
	if err != nil {
		return err
	}
	for _, role := range rolesOf(p.Kind()) {
		own, err := schema(reflect.TypeOf(attributesOf(role)).Elem())
		if err != nil {
			return err
		}
		for _, o := range own {
			for _, f := range fields {
				if f.name == o.name {
					return fmt.Errorf("%q is an attribute of the engine on each %s block", f.name, role)
				}
			}
		}
	}
	return nil
}

// isName reports whether s is written like a name: letters in lower case, digits and underscores.
func isName(s string) bool {
	for i, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// typeWord says what an attribute takes, with an example.
func (f field) typeWord() string {
	switch f.kind {
	case kindBool:
		return "true or false"
	case kindInt:
		return "a whole number"
	case kindFloat:
		return "a number"
	case kindDuration:
		return `a duration such as "5s" or "1m30s"`
	case kindBytes:
		return `a size such as "16MiB" or "5MB"`
	case kindList, kindSecrets:
		return `a list of texts such as ["a", "b"]`
	case kindMap:
		return `a map of texts such as { name = "value" }`
	case kindCondition:
		return `a condition such as "level == 'debug' && status >= 500"`
	case kindAny:
		return "a text or a value of JSON"
	case kindString:
		if len(f.values) > 0 {
			return "one of " + quoted(f.values, "and")
		}
	}
	return "a text in double quotes"
}
