package amqp

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine"
)

func TestMistakes(t *testing.T) {
	variable := engine.NewTemplate("${batch.id}", []string{"batch.id"}, nil)
	for name, c := range map[string]struct {
		change func(*Config)
		want   string // "" is no mistake
	}{
		"exchange":          {func(c *Config) { c.Exchange = "x" }, ""},
		"queue":             {func(c *Config) { c.Queue = "q" }, ""},
		"both":              {func(c *Config) { c.Exchange, c.Queue = "x", "q" }, ""},
		"key":               {func(c *Config) { c.RoutingKey = engine.Literal("q") }, ""},
		"nothing":           {func(c *Config) {}, "exchange: nothing says where"},
		"key and queue":     {func(c *Config) { c.Queue, c.RoutingKey = "q", engine.Literal("k") }, "routing_key: "},
		"keep and queue":    {func(c *Config) { c.Queue, c.KeepRoutingKey = "q", true }, "keep_routing_key: "},
		"variable key":      {func(c *Config) { c.Exchange, c.Queue, c.RoutingKey = "x", "q", variable }, "queue: it is bound with one"},
		"variable, fanout":  {func(c *Config) { c.Exchange, c.Queue, c.RoutingKey, c.ExchangeType = "x", "q", variable, "fanout" }, ""},
		"variable, no q":    {func(c *Config) { c.Exchange, c.RoutingKey = "x", variable }, ""},
		"exchange_type":     {func(c *Config) { c.Exchange, c.ExchangeType = "x", "fancy" }, `exchange_type: "fancy"`},
		"plugin's exchange": {func(c *Config) { c.Exchange, c.ExchangeType = "x", "x-consistent-hash" }, ""},
		"queue_type":        {func(c *Config) { c.Queue, c.QueueType = "q", "lazy" }, `queue_type: "lazy"`},
		"declare":           {func(c *Config) { c.Queue, c.Declare = "q", "no" }, `declare: "no"`},
		"timeout":           {func(c *Config) { c.Queue, c.Timeout = "q", 0 }, "timeout: 0s"},
		"dead letters":      {func(c *Config) { c.Queue, c.DeadLetterExchange, c.DeadLetterRoutingKey = "q", "x", "d" }, ""},
		"exchange, its own": {func(c *Config) { c.Exchange, c.ExchangeArguments = "x", map[string]any{"a": "b"} }, "exchange_arguments: without queue"},
		"binding, none":     {func(c *Config) { c.Queue, c.BindingArguments = "q", map[string]any{"a": "b"} }, "binding_arguments: nothing is bound"},
		"dead, no key":      {func(c *Config) { c.Queue, c.DeadLetterExchange = "q", "x" }, "dead_letter_exchange: "},
		"dead, no queue":    {func(c *Config) { c.Exchange, c.DeadLetterExchange, c.DeadLetterRoutingKey = "e", "x", "d" }, "dead_letter_exchange: it is an argument of queue"},
		"long names":        {func(c *Config) { c.Queue = strings.Repeat("q", 256) }, "queue: a name of 256 bytes"},
		"server":            {func(c *Config) { c.Queue, c.Port = "q", -1 }, "port: -1"},
	} {
		cfg := Defaults()
		c.change(&cfg)
		err := cfg.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestRehearse(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"q":   func(c *Config) { c.Queue = "q" },
		"x/q": func(c *Config) { c.Exchange, c.Queue = "x", "q" },
		"x/k": func(c *Config) { c.Exchange, c.RoutingKey = "x", engine.Literal("k") },
	} {
		cfg := Defaults()
		change(&cfg)
		o, err := New(cfg, engine.Env{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.(engine.Rehearser).Rehearse(&engine.Batch{}); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}
