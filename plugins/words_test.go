package plugins_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/pipetest"
	"github.com/logpipe/logpipe/internal/ourwords"
	"github.com/logpipe/logpipe/plugins"
)

// oddBodies are what no processor and no output has asked for.
var oddBodies = []string{
	"", " ", "null", "true", "1", "-0", "1e999", "99999999999999999999999", "NaN", `"text"`, "[]", "[1,", "{", "}", `{"a"`, `{"a":}`, `{"a":1,}`, `{"a":1}{"a":2}`, `{"a":01}`, `{'a':1}`, "{a:1}",
	`{"time":"yesterday"}`, `{"time":{}}`, `{"time":1e300}`, `{"time":"2026-13-45T99:99:99Z"}`, `{"time":[]}`, `{"level":5,"status":"x"}`, `{"level":null,"status":{}}`, `{"level":["a"],"status":true}`,
	`{"a":"\ud800"}`, `{"a":"\x"}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", "\xff\xfe{\x00", "\xef\xbb\xbf{}", "a\nb", "a\r\nb", "\x00", "\x1f\x8b\x08\x00", "\x28\xb5\x2f\xfd", "BZh9",
	`{"host":"there"}`, `{"source":{"a":1}}`, `{"source":"` + strings.Repeat("x", 2000) + `"}`, strings.Repeat("[", 20000), strings.Repeat("x", 70000), "%!d(string=x)", "${a}", "2026-01-01 ERROR x",
}

// oddHeaders are headers of kinds that some client writes.
var oddHeaders = []map[string]any{
	nil, {}, {"n": nil}, {"i": int64(math.MinInt64)}, {"u": uint64(math.MaxUint64)}, {"f": math.NaN()}, {"f": math.Inf(-1)}, {"b": []byte{0, 255}}, {"t": time.Unix(1<<40, 0)},
	{"l": []any{int64(1), "x", nil, []any{}}}, {"m": map[string]any{"": map[string]any{"a": true}}}, {strings.Repeat("k", 300): "v"}, {"s": strings.Repeat("v", 70000)}, {"c": float32(1.5), "d": int8(1)},
}

// What is in a dead letter is read by who runs the pipeline. No reason of any processor or output, whatever comes, may tell of the types of Go.
func TestReasonsAreInOurWords(t *testing.T) {
	processors := []string{
		`processor "json" {}`, "processor \"json\" {\n    object = true\n  }", "processor \"filter\" {\n    keep       = \"level == 'x' && status >= 500\"\n    on_error = \"dead_letter\"\n  }",
		"processor \"filter\" {\n    keep       = \"int(status) > 5 || lower(level) == 'a' || message.headers['m']['a'] > 3\"\n    on_error = \"dead_letter\"\n  }",
		"processor \"add_fields\" {\n    fields = { host = \"h\" }\n    on_invalid  = \"dead_letter\"\n    on_conflict = \"dead_letter\"\n  }",
		"processor \"add_fields\" {\n    from = { h = \"header.m\", k = \"routing_key\", t = \"time\" }\n    on_invalid  = \"dead_letter\"\n  }",
		"processor \"redact\" {\n    preset     = [\"email\", \"named_secret\"]\n    fields     = [\"source\"]\n    on_invalid = \"dead_letter\"\n  }",
		"processor \"batch\" {\n    partition_by = [\"@date\", \"source\"]\n    time_field   = \"time\"\n  }",
	}
	outputs := []string{
		"output \"stdout\" {}", "output \"file\" {\n    path = \"/var/x/${batch.id}\"\n  }", "output \"s3\" {\n    bucket = \"b\"\n    key = \"${batch.id}\"\n  }",
		"output \"http\" {\n    url = \"http://127.0.0.1:1/\"\n    format = \"array\"\n  }", "output \"amqp\" {\n    exchange = \"e\"\n  }",
	}
	reasons := 0
	for _, processor := range processors {
		for _, output := range outputs {
			src := fmt.Sprintf("pipeline \"p\" {\n  input \"generator\" {}\n  %s\n  %s\n  dead_letter \"file\" {\n    path = \"/var/dead\"\n  }\n}\n", processor, output)
			cfg, found := config.LoadSource("words.hcl", []byte(src), config.Options{Plugins: plugins.All})
			if found.HasErrors() {
				found.WriteText(os.Stderr, false, 0)
				t.Fatal(src)
			}
			var send []config.TestMessage
			for _, body := range oddBodies {
				send = append(send, config.TestMessage{Body: []byte(body)})
			}
			for _, headers := range oddHeaders {
				send = append(send, config.TestMessage{Body: []byte(`{"level":"x","status":1}`), Headers: headers, ID: strings.Repeat("i", 300), RoutingKey: strings.Repeat("k", 300)})
			}
			o, err := pipetest.Run(pipetest.Case{Pipeline: cfg.Pipelines[0], Send: send})
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range o.Places["dead_letter"].Batches {
				for _, m := range b.Messages {
					reasons++
					if word := ourwords.Foreign(m.Reason); word != "" && !strings.Contains(m.Body, word) {
						t.Errorf("%s: %q: the reason says %q: %s", strings.Join(strings.Fields(processor+" "+output), " "), m.Body[:min(len(m.Body), 40)], word, m.Reason)
					}
				}
			}
		}
	}
	if reasons < 500 {
		t.Errorf("there were only %d dead letters", reasons)
	}
}
