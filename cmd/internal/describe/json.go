package describe

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// inventory is what "plugins --json" writes: what the reference has, for programs.
type inventory struct {
	Version string              `json:"version"` // of logpipe
	Plugins []inventoryEntry    `json:"plugins"`
	Blocks  map[string][]option `json:"blocks"` // the engine's own options, by the block that they stand in
}

type inventoryEntry struct {
	Kind    engine.Kind `json:"kind"`
	Name    string      `json:"name"`
	Shape   string      `json:"shape,omitempty"` // of a processor: transform, stage or policy
	Package string      `json:"package"`
	Summary string      `json:"summary"`
	Doc     string      `json:"doc"`
	Options []option    `json:"options"`
	Example string      `json:"example"`
}

func pluginsJSON(a *cli.App) string {
	l := inventory{Version: a.Version, Plugins: []inventoryEntry{}, Blocks: blockOptions()}
	for _, k := range kinds {
		for _, p := range ofKind(a, k.kind) {
			options := optionsOf(reflect.ValueOf(p.NewConfig()))
			l.Plugins = append(l.Plugins, inventoryEntry{
				Kind: p.Kind(), Name: p.Name(), Shape: shapeOf(p), Package: p.Package(),
				Summary: Summary(p.Doc()), Doc: strings.TrimSpace(p.Doc()), Options: options, Example: exampleOf(p, options),
			})
		}
	}
	return indented(l)
}

// indented is v as JSON, in which texts are as people wrote them.
func indented(v any) string {
	var s strings.Builder
	e := json.NewEncoder(&s)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic(err) // what is listed consists of texts, numbers, lists and maps of texts
	}
	return s.String()
}

func shapeOf(p engine.Plugin) string {
	switch {
	case p.Kind() != engine.KindProcessor:
		return ""
	case p.IsStage():
		return "stage"
	case p.IsPolicy():
		return "policy"
	default:
		return "transform"
	}
}

// blockOptions are the engine's own options: on a pipeline, on the blocks of plugins by their role, and on the blocks for the process.
func blockOptions() map[string][]option {
	all := map[string][]option{}
	note := func(block string, attributes any) {
		if options := optionsOf(reflect.ValueOf(attributes)); len(options) > 0 {
			all[block] = options
		}
	}
	note("pipeline", config.PipelineAttributes())
	note("branch", config.BranchAttributes())
	for _, k := range kinds {
		for _, role := range k.roles {
			note(string(role), config.BlockAttributes(role))
		}
	}
	note("admin", config.NewAdmin())
	for _, kind := range config.AlertTypes {
		note("alert."+kind, config.NewAlert(kind))
	}
	return all
}
