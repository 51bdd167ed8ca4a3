package describe

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// schema is a part of a JSON schema.
type schema map[string]any

// schemaNote says what the schema is for, and what it leaves to validate.
const schemaNote = `A pipeline file of logpipe in HCL's JSON syntax (https://github.com/hashicorp/hcl/blob/main/json/spec.md), for programs that write
or check configurations; logpipe itself reads .hcl, which means the same. It knows every block and attribute that this binary has,
which are required, and what form their values have. It does not know what "logpipe validate" knows besides: the order of blocks
(JSON has none), numbers out of range, what an expression such as ${env("NAME")} results in, what a template may use, and what
blocks ask of each other, such as a dead_letter for a processor that rejects.`

// schemaJSON is the JSON schema (2020-12) of a file for this binary.
func schemaJSON(a *cli.App) string {
	defs := valueSchemas()
	pipeline, branch := bodySchema(config.PipelineAttributes()), bodySchema(config.BranchAttributes())
	properties, inBranch := pipeline["properties"].(schema), branch["properties"].(schema)
	for _, k := range kinds {
		for _, role := range k.roles {
			byName := schema{}
			for _, p := range ofKind(a, k.kind) {
				name := string(role) + "." + p.Name()
				defs[name] = pluginSchema(p, role)
				byName[p.Name()] = oneOrMany(ref(name))
			}
			properties[string(role)] = oneOrMany(labels(byName))
			if role != engine.RoleInput {
				inBranch[string(role)] = properties[string(role)]
			}
		}
	}
	branch["required"] = []string{string(engine.RoleOutput)}
	defs["branch"] = branch
	properties["branch"] = oneOrMany(schema{"type": "object", "additionalProperties": oneOrMany(ref("branch"))})
	pipeline["required"] = []string{string(engine.RoleInput)}
	pipeline["anyOf"] = []schema{{"required": []string{string(engine.RoleOutput)}}, {"required": []string{"branch"}}}
	defs["pipeline"] = pipeline
	alerts := schema{}
	for _, kind := range config.AlertTypes {
		alerts[kind] = oneOrMany(bodySchema(config.NewAlert(kind)))
	}
	return indented(schema{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "logpipe " + a.Version,
		"description": schemaNote,
		"type":        "object",
		"properties": schema{
			"//":       true,
			"pipeline": oneOrMany(schema{"type": "object", "additionalProperties": oneOrMany(ref("pipeline"))}),
			"admin":    oneOrMany(bodySchema(config.NewAdmin())),
			"alert":    oneOrMany(labels(alerts)),
		},
		"additionalProperties": false,
		"$defs":                defs,
	})
}

// pluginSchema is the body of a block of a plugin, with the engine's own attributes beside those of the plugin.
func pluginSchema(p engine.Plugin, role engine.Role) schema {
	s := bodySchema(p.NewConfig(), config.BlockAttributes(role))
	s["description"] = strings.TrimSpace(p.Doc())
	return s
}

// bodySchema is a body with the attributes and blocks of these structs.
func bodySchema(structs ...any) schema {
	var options []option
	for _, s := range structs {
		options = append(options, optionsOf(reflect.ValueOf(s))...)
	}
	return optionsSchema(options)
}

func optionsSchema(options []option) schema {
	properties := schema{"//": true} // a comment
	required := []string{}
	for _, o := range options {
		properties[o.Name] = o.schema()
		if o.Required {
			required = append(required, o.Name)
		}
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// schema is what may stand for an attribute or a block.
func (o option) schema() schema {
	s := schema{"description": o.Doc}
	switch {
	case o.Block && o.Many:
		s["anyOf"] = oneOrMany(optionsSchema(o.Options))["anyOf"]
	case o.Block:
		body := optionsSchema(o.Options)
		s["anyOf"] = []schema{body, {"type": "array", "items": body, "maxItems": 1}}
	default:
		s["anyOf"] = o.valueSchemas()
	}
	if json.Valid([]byte(o.Default)) {
		s["default"] = json.RawMessage(o.Default)
	}
	return s
}

// valueSchemas are the forms of an attribute's value: its own, an expression, and null for one that is left out.
func (o option) valueSchemas() (forms []schema) {
	item := ref("text")
	if len(o.Values) > 0 {
		item = schema{"enum": o.Values}
	}
	switch {
	case strings.HasPrefix(o.Type, "list of "):
		forms = []schema{{"type": "array", "items": schema{"anyOf": []schema{item, ref("expression")}}}, ref("expression")}
	case o.Type == mapOfValues:
		forms = []schema{{"type": "object", "additionalProperties": schema{"type": []string{"string", "number", "boolean"}}}, ref("expression")}
	case strings.HasPrefix(o.Type, "map of "):
		forms = []schema{{"type": "object", "additionalProperties": ref("text")}, ref("expression")}
	case len(o.Values) > 0:
		forms = []schema{item, ref("expression")}
	case valueSchemas()[o.Type] != nil:
		forms = []schema{ref(o.Type), ref("expression")}
	default: // every text may be an expression
		forms = []schema{ref("text")}
	}
	if !o.Required {
		forms = append(forms, schema{"type": "null"})
	}
	return forms
}

// valueSchemas are the forms of values, by the words that the reference has for them. Numbers and the like may be texts, too.
func valueSchemas() schema {
	text := func(pattern string) schema { return schema{"type": "string", "pattern": pattern} }
	either := func(forms ...schema) schema { return schema{"anyOf": forms} }
	return schema{
		"expression": text(`[$%]\{`),
		"text":       schema{"type": []string{"string", "number", "boolean"}},
		"bool":       either(schema{"type": "boolean"}, text(`^(true|false)$`)),
		"integer":    either(schema{"type": "integer"}, text(`^-?[0-9]+$`)),
		"number":     either(schema{"type": "number"}, text(`^-?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?$`)),
		"duration":   either(schema{"const": 0}, text(`^(0|[+]?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`)),
		"size":       either(schema{"type": "integer", "minimum": 0}, text(`^[0-9]+(\.[0-9]+)?(B|kB|[KMGT]B|[KMGT]iB)?$`)),
	}
}

func ref(name string) schema { return schema{"$ref": "#/$defs/" + name} }

// oneOrMany is a block that may be repeated: HCL writes several as a list.
func oneOrMany(s schema) schema {
	return schema{"anyOf": []schema{s, {"type": "array", "items": s}}}
}

// labels are blocks by the name that they have in quotes.
func labels(byName schema) schema {
	return schema{"type": "object", "properties": byName, "additionalProperties": false}
}
