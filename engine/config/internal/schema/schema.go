// Package schema knows which attributes a configuration struct has, by its tags: their kinds, and the quantities that some are written
// in. roles.go has the attributes of the engine itself and the blocks that they stand in.
package schema

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// kind is what a field of a configuration struct can hold.
type Kind int

const (
	KindString Kind = iota + 1
	KindBool
	KindInt
	KindFloat
	KindDuration
	KindBytes
	KindSecret
	KindTemplate
	KindCondition
	KindSecrets // []engine.Secret
	KindList    // []string
	KindMap     // map[string]string
	KindValues  // map[string]any
	KindAny     // AnyValue, which only this package has
	KindBlock   // a nested block, at most once
	KindBlocks
)

// field is one attribute or nested block, as the tags of a struct describe it.
type Field struct {
	Name     string
	Doc      string
	Values   []string // the only texts allowed; nil is any
	Kind     Kind
	Required bool
	// SpaceKept says that white space at the ends of its texts may be meant.
	SpaceKept bool
	// AsksChecked says that somebody else looks whether its condition asks anything, and has better words for that.
	AsksChecked bool
	Index       []int // of the struct's field, see reflect.Value.FieldByIndex
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
	valuesType    = reflect.TypeFor[map[string]any]()
	anyType       = reflect.TypeFor[AnyValue]()
)

// Of reads the fields of a struct in their order. The fields of an embedded struct without a tag count as its own.
func Of(t reflect.Type) ([]Field, error) {
	var fields []Field
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
		if seen[f.Name] {
			return nil, fmt.Errorf("two fields are named %q", f.Name)
		}
		seen[f.Name] = true
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

func fieldOf(sf reflect.StructField, tag string) (Field, error) {
	name, option, _ := strings.Cut(tag, ",")
	f := Field{Name: name, Doc: sf.Tag.Get("doc"), Index: sf.Index, Required: option == "", SpaceKept: sf.Tag.Get("space") == "kept", AsksChecked: sf.Tag.Get("asks") == "checked"}
	if v := sf.Tag.Get("values"); v != "" {
		f.Values = strings.Split(v, ",")
	}
	if !isName(name) {
		return f, fmt.Errorf("%q is no name for an attribute", name)
	}
	if !sf.IsExported() {
		return f, fmt.Errorf("it is not exported")
	}
	switch option {
	case "", "optional":
		f.Kind = scalarKind(sf.Type)
	case "block":
		f.Kind = blockKind(sf.Type)
		f.Required = sf.Type.Kind() == reflect.Struct
	default:
		return f, fmt.Errorf("%q is no option of an hcl tag; there are optional and block", option)
	}
	if f.Kind == 0 {
		return f, fmt.Errorf("a %s cannot be read from a file", sf.Type)
	}
	if f.Kind == KindBlock || f.Kind == KindBlocks {
		if _, err := Of(StructType(sf.Type)); err != nil {
			return f, err
		}
	}
	return f, nil
}

func scalarKind(t reflect.Type) Kind {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case durationType:
		return KindDuration
	case bytesType:
		return KindBytes
	case secretType:
		return KindSecret
	case templateType:
		return KindTemplate
	case conditionType:
		return KindCondition
	case secretsType:
		return KindSecrets
	case listType:
		return KindList
	case mapType:
		return KindMap
	case valuesType:
		return KindValues
	case anyType:
		return KindAny
	}
	switch t.Kind() {
	case reflect.String:
		return KindString
	case reflect.Bool:
		return KindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return KindInt
	case reflect.Float32, reflect.Float64:
		return KindFloat
	}
	return 0
}

// blockKind knows struct and *struct for one block, []struct and []*struct for any number.
func blockKind(t reflect.Type) Kind {
	switch {
	case StructType(t).Kind() != reflect.Struct:
		return 0
	case t.Kind() == reflect.Slice:
		return KindBlocks
	}
	return KindBlock
}

// StructType is the struct of a field with a block or blocks.
func StructType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// CheckSchema finds what a plugin's author did wrong.
func CheckSchema(p engine.Plugin) error {
	fields, err := Of(reflect.TypeOf(p.NewConfig()).Elem())
	if err != nil {
		return err
	}
	for _, role := range rolesOf(p.Kind()) {
		own, err := Of(reflect.TypeOf(AttributesOf(role)).Elem())
		if err != nil {
			return err
		}
		for _, o := range own {
			for _, f := range fields {
				if f.Name == o.Name {
					return fmt.Errorf("%q is an attribute of the engine on each %s block", f.Name, role)
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

// TypeWord says what an attribute takes, with an example.
func (f Field) TypeWord() string {
	switch f.Kind {
	case KindBool:
		return "true or false"
	case KindInt:
		return "a whole number"
	case KindFloat:
		return "a number"
	case KindDuration:
		return `a duration such as "5s" or "1m30s"`
	case KindBytes:
		return `a size such as "16MiB" or "5MB"`
	case KindList, KindSecrets:
		return `a list of texts such as ["a", "b"]`
	case KindMap:
		return `a map of texts such as { name = "value" }`
	case KindValues:
		return `a map of texts, numbers and booleans such as { name = "value", other = 5 }`
	case KindCondition:
		return `a condition such as "level == 'debug' && status >= 500"`
	case KindAny:
		return "a text or a value of JSON"
	case KindString:
		if len(f.Values) > 0 {
			return "one of " + diagnostics.Quoted(f.Values, "and")
		}
	}
	return "a text in double quotes"
}
