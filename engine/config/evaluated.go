package config

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

// Evaluated is what a pipeline is made of after env() and file() were read. Comments, formatting and places in the file are no part of it, so
// two that are equal run alike.
type Evaluated struct {
	Name   string    `json:"name"`
	Values []Setting `json:"values"`
}

// Setting is one value of a pipeline.
type Setting struct {
	Block  string `json:"block"` // as in "output.s3"; "" is the pipeline itself
	Attr   string `json:"attr"`  // as in "tls.ca" or "binding[1].queue"
	Text   string `json:"text"`
	Hidden bool   `json:"hidden,omitempty"` // Text is a mark that changes with the value, and does not show it
}

// Evaluate reads the pipeline's values, and the files that its plugins read when they connect, as they are now. Secrets are marked with the salt:
// only what was evaluated with the same salt can be compared.
func (p *Pipeline) Evaluate(salt []byte) Evaluated {
	e := &evaluator{salt: salt, made: Evaluated{Name: p.Name}}
	e.text("drain_timeout", DurationText(p.DrainTimeout))
	e.text("blocks", strings.Join(p.flow(), ", "))
	if len(p.Branches) > 0 {
		e.text("unmatched", p.unmatched())
	}
	for _, b := range p.Branches {
		e.block = schema.BlockBranch + " " + b.Name
		e.fields("", reflect.ValueOf(b.own()).Elem())
	}
	for i := range p.Blocks {
		e.of(&p.Blocks[i])
	}
	return e.made
}

// Reads are the files beside its own that the pipeline comes from: those that file() names anywhere in the configuration, and those that its
// plugins read when they connect.
func (p *Pipeline) Reads() []string {
	all := slices.Clone(p.reads)
	for i := range p.Blocks {
		for _, path := range p.Blocks[i].Traits().Files {
			if path != "" {
				all = append(all, path)
			}
		}
	}
	return all
}

// flow is the blocks in the order that counts: a fallback and a dead letter stand beside each other, and so do branches.
func (p *Pipeline) flow() (names []string) {
	blocks := slices.Clone(p.Blocks)
	slices.SortStableFunc(blocks, func(a, b Block) int {
		return cmp.Or(strings.Compare(a.Branch, b.Branch), slices.Index(schema.Roles, a.Role)-slices.Index(schema.Roles, b.Role))
	})
	for _, b := range blocks {
		names = append(names, b.Name)
	}
	return names
}

// evaluator collects the values of one pipeline.
type evaluator struct {
	salt  []byte
	block string
	made  Evaluated
}

func (e *evaluator) text(attr, text string) {
	if diagnostics.HideUserinfo(text) != text { // a password in an address, of whatever attribute
		e.hidden(attr, text)
		return
	}
	e.made.Values = append(e.made.Values, Setting{Block: e.block, Attr: attr, Text: text})
}

// hidden notes a mark of a secret. It has 32 bits: enough to see a change, and less for whoever would guess.
func (e *evaluator) hidden(attr, text string) {
	mac := hmac.New(sha256.New, e.salt)
	mac.Write([]byte(attr + "\x00" + text))
	e.made.Values = append(e.made.Values, Setting{Block: e.block, Attr: attr, Text: hex.EncodeToString(mac.Sum(nil)[:4]), Hidden: true})
}

func (e *evaluator) of(b *Block) {
	e.block = b.Name
	switch b.Role {
	case engine.RoleInput:
		e.text("max_in_flight", fmt.Sprint(b.MaxInFlight))
		e.text("max_in_flight_bytes", fmt.Sprint(b.MaxInFlightBytes))
	case engine.RoleOutput:
		e.text("workers", fmt.Sprint(b.Workers))
	case engine.RoleFallback:
		e.text("recover", fmt.Sprint(b.Recover))
	}
	e.fields("", reflect.ValueOf(b.Config).Elem())
	for _, t := range b.decoded.Templates {
		e.outside(t)
	}
	files := b.Traits().Files
	for _, attr := range slices.Sorted(maps.Keys(files)) {
		e.contents(attr, files[attr])
	}
}

// fields notes the attributes and nested blocks of a configuration struct.
func (e *evaluator) fields(prefix string, v reflect.Value) {
	all, _ := schema.Of(v.Type()) // an error would have been found by CheckPlugins
	for _, f := range all {
		at, err := v.FieldByIndexErr(f.Index)
		if err != nil || at.Kind() == reflect.Pointer && at.IsNil() {
			continue
		}
		e.value(prefix+f.Name, f, at)
	}
}

func (e *evaluator) value(path string, f schema.Field, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch f.Kind {
	case schema.KindBlock:
		e.text(path, "present")
		e.fields(path+".", v)
	case schema.KindBlocks:
		e.text(path, fmt.Sprint(v.Len()))
		for i := range v.Len() {
			e.fields(fmt.Sprintf("%s[%d].", path, i), reflect.Indirect(v.Index(i)))
		}
	case schema.KindSecret:
		e.hidden(path, v.Interface().(engine.Secret).Reveal())
	case schema.KindSecrets:
		for i, s := range v.Interface().([]engine.Secret) {
			e.hidden(fmt.Sprintf("%s[%d]", path, i), s.Reveal())
		}
	case schema.KindMap, schema.KindValues: // values such as headers may be secrets
		for _, k := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			e.hidden(fmt.Sprintf("%s[%q]", path, k.String()), fmt.Sprint(v.MapIndex(k)))
		}
	case schema.KindTemplate:
		e.text(path, v.Interface().(engine.Template).String())
	case schema.KindCondition:
		e.text(path, v.Interface().(engine.Condition).String())
	case schema.KindList:
		e.text(path, fmt.Sprintf("%q", v.Interface()))
	default:
		e.text(path, fmt.Sprint(v.Interface()))
	}
}

// outside notes what a template read at load: its source names the variable or file, and says nothing of the value.
func (e *evaluator) outside(t *decode.Template) {
	hclsyntax.VisitAll(t.Expr, func(n hclsyntax.Node) hcl.Diagnostics {
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is || call.Name != "env" && call.Name != "file" {
			return nil
		}
		v, diags := call.Value(t.Ev.Context(nil))
		if diags.HasErrors() || !v.IsWhollyKnown() || v.IsNull() {
			return nil
		}
		text := v.GoString()
		if v.Type() == cty.String {
			text = v.AsString()
		}
		source := string(t.Ev.File.Src[call.Range().Start.Byte:call.Range().End.Byte])
		e.hidden(t.Path+" "+source, text)
		return nil
	})
}

// contents notes a file that a plugin reads when it connects, such as a certificate.
func (e *evaluator) contents(attr, path string) {
	if path == "" {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		e.text("contents of "+attr, "cannot be read")
		return
	}
	e.hidden("contents of "+attr, string(text))
}
