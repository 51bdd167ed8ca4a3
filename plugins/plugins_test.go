package plugins

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/outputs/file"
)

// What a configuration says and what `logpipe plugins` shows both come from the structs alone: a field without a tag
// could not be set, and one without a text nobody could understand.
func TestEveryPluginIsDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range All {
		name := string(p.Kind()) + " " + p.Name()
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		summary, _, _ := strings.Cut(p.Doc(), "\n")
		if !strings.HasSuffix(summary, ".") {
			t.Errorf("%s: its documentation begins with %q, want a sentence", name, summary)
		}
		checkFields(t, name, reflect.TypeOf(p.NewConfig()).Elem())
	}
}

func checkFields(t *testing.T, path string, config reflect.Type) {
	t.Helper()
	for _, field := range reflect.VisibleFields(config) {
		if field.Anonymous {
			continue // its fields count as the plugin's own
		}
		at := path + "." + field.Name
		if field.Tag.Get("hcl") == "" || !strings.HasSuffix(field.Tag.Get("doc"), ".") {
			t.Errorf("%s: hcl tag %q, doc tag %q; want both, and a sentence", at, field.Tag.Get("hcl"), field.Tag.Get("doc"))
		}
		if strings.HasSuffix(field.Tag.Get("hcl"), ",block") {
			block := field.Type
			for block.Kind() == reflect.Pointer || block.Kind() == reflect.Slice {
				block = block.Elem()
			}
			checkFields(t, at, block)
			continue
		}
		switch reflect.Zero(field.Type).Interface().(type) {
		case string, bool, int, float64, time.Duration, []string, map[string]string, map[string]any, engine.Bytes, engine.Secret, []engine.Secret, engine.Template, engine.Condition:
		default:
			t.Errorf("%s: a configuration cannot be decoded into a %s", at, field.Type)
		}
	}
}

// A fallback that says it gives back what it took, and does not, keeps its batches for ever, and nobody is warned.
func TestWhatGivesBackIsARecoverer(t *testing.T) {
	env := engine.Env{Log: slog.New(slog.DiscardHandler), Role: engine.RoleFallback}
	for _, p := range All {
		if p.Kind() != engine.KindOutput {
			continue
		}
		cfg := p.NewConfig()
		if f, ok := cfg.(*file.Config); ok {
			f.Path = engine.Literal("/var/fallback")
		}
		made, err := p.Build(cfg, env)
		if err != nil {
			t.Fatal(err)
		}
		if _, does := made.(engine.Recoverer); does != engine.TraitsOf(cfg).GivesBack {
			t.Errorf("%s gives back: %v; its traits say %v", p.Name(), does, !does)
		}
	}
}
