package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// Effective is the pipeline as it is after its variables, functions and defaults, in the form of a file, for people to look at. What
// the file does not say itself is marked as a default. No secret is in it, and no user and password of a URL.
func (p *Pipeline) Effective() string {
	e := &effective{}
	e.open("pipeline " + strconv.Quote(p.Name))
	e.attribute("drain_timeout", quoteHCL(DurationText(p.DrainTimeout)), p.DrainTimeout == PipelineAttributes().(*schema.OfPipeline).DrainTimeout)
	if len(p.Branches) > 0 {
		e.attribute("unmatched", quoteHCL(p.unmatched()), !p.DropUnmatched)
	}
	in := 0 // the branch that is open
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if b.branch != in {
			if in > 0 {
				e.close()
			}
			if in = b.branch; in > 0 {
				e.gap()
				e.open(fmt.Sprintf("%s %s", schema.BlockBranch, strconv.Quote(b.Branch)))
				e.fields(reflect.ValueOf(p.Branches[in-1].own()), "", p.Branches[in-1].decoded)
			}
		}
		e.gap()
		e.open(fmt.Sprintf("%s %s", b.Role, strconv.Quote(b.Type)))
		e.fields(reflect.ValueOf(b.Config), "", b.decoded)
		e.fields(reflect.ValueOf(b.own()), "", b.decoded)
		e.close()
	}
	if in > 0 {
		e.close()
	}
	e.close()
	return string(hclwrite.Format([]byte(e.out.String())))
}

// unmatched is the attribute as it would be written.
func (p *Pipeline) unmatched() string {
	if p.DropUnmatched {
		return schema.UnmatchedDrop
	}
	return schema.UnmatchedDeadLetter
}

// own are the branch's attributes.
func (b *Branch) own() any { return &schema.OfBranch{When: b.When, Default: b.Default} }

// own are the engine's attributes on the block.
func (b *Block) own() any {
	switch b.Role {
	case engine.RoleInput:
		return &schema.OfInput{MaxInFlight: b.MaxInFlight, MaxInFlightBytes: b.MaxInFlightBytes}
	case engine.RoleOutput:
		return &schema.OfOutput{Workers: b.Workers}
	case engine.RoleFallback:
		return &schema.OfFallback{Recover: b.Recover}
	}
	return &schema.OfNone{}
}

// About is the value that tells one block of its kind from another at a glance, as in "queue log_queue"; "" when there is none.
func (b *Block) About() string {
	v := reflect.Indirect(reflect.ValueOf(b.Config))
	if v.Kind() != reflect.Struct {
		return ""
	}
	fields, _ := schema.Of(v.Type()) // an error would have been found by CheckPlugins
	for _, name := range []string{"bucket", "queue", "path", "exchange", "count", "attempts"} {
		for _, f := range fields {
			if f.Name != name {
				continue
			}
			text := shown(decode.FieldByIndex(v, f.Index), f.Kind)
			if plain, err := strconv.Unquote(text); err == nil {
				text = plain
			}
			if text != "" && text != "0" && text != "null" {
				return name + " " + text
			}
		}
	}
	return ""
}

// effective writes what a configuration came to.
type effective struct {
	out   strings.Builder
	depth int
}

func (e *effective) line(text string) {
	e.out.WriteString(strings.Repeat("  ", e.depth) + text + "\n")
}

func (e *effective) gap() { e.out.WriteByte('\n') }

func (e *effective) open(head string) {
	e.line(head + " {")
	e.depth++
}

func (e *effective) close() {
	e.depth--
	e.line("}")
}

func (e *effective) attribute(name, value string, byDefault bool) {
	if byDefault {
		value += " # default"
	}
	e.line(name + " = " + value)
}

// fields writes those of a struct. The file's attributes in it are at the paths that begin with prefix.
func (e *effective) fields(v reflect.Value, prefix string, d *decode.Decoded) {
	v = reflect.Indirect(v)
	if v.Kind() != reflect.Struct {
		return
	}
	fields, _ := schema.Of(v.Type()) // an error would have been found by CheckPlugins
	for _, f := range fields {
		value := decode.FieldByIndex(v, f.Index)
		switch f.Kind {
		case schema.KindBlock:
			if value.Kind() != reflect.Pointer || !value.IsNil() {
				e.block(f.Name, value, prefix+f.Name+".", d)
			}
		case schema.KindBlocks:
			for i := range value.Len() {
				e.block(f.Name, value.Index(i), fmt.Sprintf("%s%s[%d].", prefix, f.Name, i), d)
			}
		default:
			at, written := d.Attrs[prefix+f.Name]
			text := shown(value, f.Kind)
			if written && rendered(value) { // as it was written, which need not be in quotes
				text = strings.TrimRight(open(string(d.File.Src[at.At.Start.Byte:at.At.End.Byte])), "\n")
			}
			e.attribute(f.Name, text, !written)
		}
	}
}

// rendered reports whether a value is a template that comes out differently for each batch.
func rendered(v reflect.Value) bool {
	v = reflect.Indirect(v)
	if !v.IsValid() {
		return false
	}
	t, is := v.Interface().(engine.Template)
	return is && len(t.Refs()) > 0
}

func (e *effective) block(name string, v reflect.Value, prefix string, d *decode.Decoded) {
	e.open(name)
	e.fields(v, prefix, d)
	e.close()
}

// shown is a value as a file would have it, without its secrets.
func shown(v reflect.Value, k schema.Kind) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "null"
		}
		v = v.Elem()
	}
	switch k {
	case schema.KindString:
		return quoteHCL(open(v.String()))
	case schema.KindDuration:
		return quoteHCL(DurationText(v.Interface().(time.Duration)))
	case schema.KindBytes:
		return quoteHCL(v.Interface().(engine.Bytes).String())
	case schema.KindSecret:
		return strconv.Quote(v.Interface().(engine.Secret).String())
	case schema.KindTemplate:
		return quoteHCL(open(v.Interface().(engine.Template).String()))
	case schema.KindCondition:
		return quoteHCL(open(v.Interface().(engine.Condition).String()))
	case schema.KindSecrets:
		return listOf(v, func(item reflect.Value) string { return strconv.Quote(item.Interface().(engine.Secret).String()) })
	case schema.KindList:
		return listOf(v, func(item reflect.Value) string { return quoteHCL(open(item.String())) })
	case schema.KindMap:
		return shownMap(v.Interface().(map[string]string))
	case schema.KindValues:
		return shownMap(v.Interface().(map[string]any))
	}
	return fmt.Sprint(v.Interface())
}

func listOf(v reflect.Value, item func(reflect.Value) string) string {
	var items []string
	for i := range v.Len() {
		items = append(items, item(v.Index(i)))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// shownMap shows a map of texts, or one of values of several types. The value of a key that sounds like a secret is hidden.
func shownMap[V any](m map[string]V) string {
	if len(m) == 0 {
		return "{}"
	}
	var items []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		value := fmt.Sprint(m[key])
		_, isText := any(m[key]).(string)
		switch {
		case syntax.SoundsSecret(key):
			value = quoteHCL(engine.NewSecret(value).String())
		case isText:
			value = quoteHCL(open(value))
		}
		items = append(items, quoteHCL(key)+" = "+value)
	}
	return "{ " + strings.Join(items, ", ") + " }"
}

// quoteHCL writes a text as a file has it: what begins a template there is no template here.
func quoteHCL(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(text))
}

var secretParameter = regexp.MustCompile(`(?i)([?&;][^=&;#\s]*(?:pass|pwd|secret|token|key|credential|sig)[^=&;#\s]*=)[^&;#\s"]+`)

// open is a text that may be shown: without the user and password of a URL, and without parameters that sound like secrets.
func open(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return secretParameter.ReplaceAllString(diagnostics.InText.ReplaceAllString(text, "://***@"), "${1}***")
}
