package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A line feed behind a password, a queue or a key comes from a file or a heredoc, and nobody sees it: the password is wrong for ever, and the key is
// another one. No attribute of a plugin may take it in silence, but those in which white space is meant.
func TestNoAttributeTakesALineFeed(t *testing.T) {
	kept := map[string]bool{"add_fields fields": true, "redact mask": true, "redact patterns": true}
	tried := 0
	try := func(name, of string, o option, around string) {
		value, isText := texts[o.Type]
		if !isText || len(o.Values) > 0 || kept[of+" "+o.Name] {
			return
		}
		tried++
		file := write(t, "ends.hcl", fmt.Sprintf(around, o.Name+" = "+value))
		if got := realHere(t, Streams{}, nil, "validate", file); !strings.Contains(got.err, "ends with a line feed") {
			t.Errorf("%s takes %s = %s:\n%s", name, o.Name, value, got.err)
		}
	}
	for _, p := range inventoryOf(t) {
		name := fmt.Sprintf("%s %q", p.Kind, p.Name)
		for _, o := range p.Options {
			try(name, p.Name, o, "pipeline \"p\" {\n  "+name+" {\n    %s\n  }\n}\n")
			for _, inner := range o.Options {
				try(name+" "+o.Name, p.Name, inner, "pipeline \"p\" {\n  "+name+" {\n    "+o.Name+" {\n      %s\n    }\n  }\n}\n")
			}
		}
	}
	if tried < 85 {
		t.Errorf("only %d attributes were tried", tried)
	}
}

// texts are values of each type that holds texts, with a line feed at the end.
var texts = map[string]string{
	"string": `"x\n"`, "secret": `"x\n"`, "template": `"x/${batch.id}\n"`, "list of strings": `["x\n"]`, "list of secrets": `["x\n"]`,
	"map of strings": `{ a = "x\n" }`, "map of values": `{ a = "x\n" }`,
}

type option struct {
	Name, Type string
	Values     []string
	Options    []option
}

type listed struct {
	Kind, Name string
	Options    []option
}

// inventoryOf is what "plugins --json" lists.
func inventoryOf(t *testing.T) []listed {
	t.Helper()
	var all struct{ Plugins []listed }
	if err := json.Unmarshal([]byte(realHere(t, Streams{}, nil, "plugins", "--json").out), &all); err != nil {
		t.Fatal(err)
	}
	return all.Plugins
}
