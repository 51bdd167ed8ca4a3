package config_test

import (
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
)

// What comes back to its reader is written again and again: ten bad messages were 23,284 dead
// letters after ten seconds. What only looks alike is no mistake.
func TestMessagesInCircles(t *testing.T) {
	const dead = `dead_letter "amqp" writes to queue "q"`
	for name, c := range map[string]struct{ in, rest, want string }{
		"dead letter":            {``, `dead_letter "amqp" { queue = "q" }`, `error 7 ["q"] ` + dead + `, which input "amqp" of this pipeline reads`},
		"default exchange":       {``, `dead_letter "amqp" { routing_key = "q" }`, `error 7 ["q"] ` + dead},
		"output":                 {``, "branch \"a\" {\n output \"amqp\" { queue = \"q\" }\n }", `error 8 ["q"] output "amqp" writes to queue "q", which input`},
		"in one of two branches": {``, "branch \"a\" {\n output \"stdout\" {}\n }\n branch \"b\" {\n output \"amqp\" { queue = \"q\" }\n }", `error 11 ["q"] output "amqp" writes`},
		"another broker":         {``, "dead_letter \"amqp\" {\n queue = \"q\"\n host = \"other\"\n }", ""},
		"another port":           {``, "dead_letter \"amqp\" {\n queue = \"q\"\n port = 5673\n }", ""},
		"another virtual host":   {``, "dead_letter \"amqp\" {\n queue = \"q\"\n vhost = \"v\"\n }", ""},
		"the same by a URL":      {``, "dead_letter \"amqp\" {\n queue = \"q\"\n url = \"amqp://u:p@127.0.0.1/%2f\"\n }", `error 8 ["q"] ` + dead},
		"one of a cluster":       {`urls = ["amqp://u:p@a/%2f", "amqp://u:p@B/%2f"]`, "dead_letter \"amqp\" {\n queue = \"q\"\n url = \"amqp://u:p@b/%2f\"\n }", `error 8 ["q"] ` + dead},
		"another queue":          {``, `dead_letter "amqp" { queue = "q_dead" }`, ""},
		"fanout": {"binding {\n exchange = \"x\"\n type = \"fanout\"\n }", "dead_letter \"amqp\" {\n exchange = \"x\"\n routing_key = \"k\"\n }",
			`error 12 ["k"] ` + dead + `, by way of exchange "x"`},
		"headers, some of them": {"binding {\n exchange = \"x\"\n type = \"headers\"\n arguments = { a = \"1\" }\n }", "dead_letter \"amqp\" {\n exchange = \"x\"\n routing_key = \"k\"\n }", ""},
		"headers, all of them":  {"binding {\n exchange = \"x\"\n type = \"headers\"\n }", "dead_letter \"amqp\" {\n exchange = \"x\"\n routing_key = \"k\"\n }", `error 12`},
		"a temporary queue": {``, "dead_letter \"amqp\" { queue = \"z\" }\n }\n pipeline \"other\" {\n input \"amqp\" {\n temporary = true\n binding {\n exchange = \"x\"\n type = \"fanout\"\n }\n }\n" +
			"output \"amqp\" {\n exchange = \"x\"\n routing_key = \"k\"\n }", `error 19 ["k"] output "amqp" writes to a temporary queue, by way of exchange "x"`},
		"two temporary queues": {``, "dead_letter \"amqp\" { queue = \"z\" }\n }\n pipeline \"other\" {\n input \"amqp\" {\n temporary = true\n binding {\n exchange = \"y\"\n type = \"fanout\"\n }\n }\n" +
			"output \"amqp\" {\n exchange = \"x\"\n routing_key = \"k\"\n }\n }\n pipeline \"third\" {\n input \"amqp\" {\n temporary = true\n binding {\n exchange = \"x\"\n type = \"fanout\"\n }\n }\n output \"stdout\" {}", ""},
		"topic":                {"binding {\n exchange = \"x\"\n routing_keys = [\"a.*.c\", \"d.#\"]\n }", "dead_letter \"amqp\" {\n exchange = \"x\"\n routing_key = \"a.b.c\"\n }", `error 12`},
		"topic without words":  {"binding {\n exchange = \"x\"\n routing_keys = [\"d.#\"]\n }", "dead_letter \"amqp\" {\n exchange = \"x\"\n routing_key = \"d\"\n }", `error 12`},
		"another topic":        {"binding {\n exchange = \"x\"\n routing_keys = [\"a.*\"]\n }", "dead_letter \"amqp\" {\n exchange = \"x\"\n routing_key = \"a.b.c\"\n }", ""},
		"any key, all of them": {"binding { exchange = \"x\" }", "output \"amqp\" {\n exchange = \"x\"\n routing_key = \"${batch.date}\"\n }", `error 9`},
		"any key, some":        {"binding {\n exchange = \"x\"\n routing_keys = [\"a\"]\n }", "output \"amqp\" {\n exchange = \"x\"\n routing_key = \"${batch.date}\"\n }", ""},
		"dead-letter exchange": {``, "dead_letter \"amqp\" {\n exchange = \"dlx\"\n routing_key = \"q\"\n }\n }\n pipeline \"other\" {\n input \"amqp\" {\n queue = \"z\"\n" +
			"dead_letter_exchange = \"dlx\"\n dead_letter_routing_key = \"q\"\n }\n output \"stdout\" {}", `error 9 ["q"] ` + dead + `, by way of exchange "dlx"`},
		"two pipelines, dead letters": {``, "dead_letter \"amqp\" { queue = \"z\" }\n }\n pipeline \"other\" {\n input \"amqp\" { queue = \"z\" }\n output \"stdout\" {}\n dead_letter \"amqp\" { queue = \"q\" }",
			`error 12 ["q"] ` + dead + `, which pipeline "one" reads, whose dead_letter "amqp" writes to queue "z", which pipeline "other" reads`},
		"two pipelines, outputs": {``, "branch \"b\" {\n output \"amqp\" { queue = \"z\" }\n }\n }\n pipeline \"other\" {\n input \"amqp\" { queue = \"z\" }\n output \"amqp\" { queue = \"q\" }",
			`error 13 ["q"] output "amqp" writes to queue "q", which pipeline "one" reads`},
		"dead letters repaired": {``, "dead_letter \"amqp\" { queue = \"z\" }\n }\n pipeline \"other\" {\n input \"amqp\" { queue = \"z\" }\n output \"amqp\" { queue = \"q\" }",
			`warning 11 ["q"] output "amqp" writes to queue "q", which pipeline "one" reads, whose dead_letter`},
		"one after the other": {``, "dead_letter \"amqp\" { queue = \"z\" }\n }\n pipeline \"other\" {\n input \"amqp\" { queue = \"z\" }\n output \"stdout\" {}\n dead_letter \"amqp\" { queue = \"y\" }", ""},
	} {
		t.Run(name, func(t *testing.T) {
			output := "  output \"stdout\" {}\n"
			if strings.HasPrefix(c.rest, "output") || strings.HasPrefix(c.rest, "branch") {
				output = "\n"
			}
			got := said(t, "pipeline \"one\" {\n  input \"amqp\" {\n    queue = \"q\"\n    "+c.in+"\n  }\n"+output+"  "+c.rest+"\n}\n", config.Options{})
			if c.want == "" {
				expect(t, got)
			} else {
				expect(t, got, c.want)
			}
		})
	}
}
