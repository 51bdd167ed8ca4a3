package config

import (
	"fmt"
	"strings"

	"github.com/logpipe/logpipe/engine"
)

// Graph draws all pipelines as a flowchart for Mermaid (https://mermaid.js.org/syntax/flowchart.html). Full lines are the way of a
// message when all is well; dotted ones are ways in trouble.
func (c *Config) Graph() string {
	var s strings.Builder
	s.WriteString("flowchart LR\n")
	for i, p := range c.Pipelines {
		fmt.Fprintf(&s, "  subgraph p%d[\"pipeline %s\"]\n    direction LR\n", i+1, p.Name)
		g := &graph{prefix: fmt.Sprintf("p%d_", i+1), out: &s}
		g.pipeline(p)
		s.WriteString("  end\n")
	}
	return s.String()
}

type graph struct {
	prefix string
	out    *strings.Builder
}

// id is the name of a block's node. It has no dots or dashes, which mean something to Mermaid.
func (g *graph) id(b *Block) string {
	return g.prefix + strings.NewReplacer(".", "_", "-", "_").Replace(b.Name)
}

func (g *graph) node(b *Block) {
	text := fmt.Sprintf("%s %s", b.Role, b.Type)
	shape := `["%s"]`
	switch b.Role {
	case engine.RoleInput:
		shape = `(["%s"])`
	case engine.RoleOutput, engine.RoleFallback, engine.RoleDeadLetter:
		shape = `[("%s")]`
	}
	if b.Workers > 1 {
		text += fmt.Sprintf("<br/>%d workers", b.Workers)
	}
	fmt.Fprintf(g.out, "    %s"+shape+"\n", g.id(b), text)
}

func (g *graph) edge(from, to *Block, label string) {
	arrow := "-->"
	if label != "" {
		arrow = fmt.Sprintf("-. %s .->", label)
	}
	fmt.Fprintf(g.out, "    %s %s %s\n", g.id(from), arrow, g.id(to))
}

func (g *graph) pipeline(p *Pipeline) {
	by := map[engine.Role][]*Block{}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		by[b.Role] = append(by[b.Role], b)
		g.node(b)
	}
	if len(by[engine.RoleOutput]) == 0 {
		return
	}
	output := by[engine.RoleOutput][0]
	chain := append(append([]*Block(nil), by[engine.RoleProcessor]...), output)
	for _, in := range by[engine.RoleInput] {
		g.edge(in, chain[0], "")
	}
	for i, b := range chain[1:] {
		g.edge(chain[i], b, "")
	}
	for _, f := range by[engine.RoleFallback] {
		g.edge(output, f, "fails")
		if f.Recover {
			g.edge(f, entry(chain), "recovery")
		}
	}
	for _, d := range by[engine.RoleDeadLetter] {
		for _, b := range chain {
			if b == output {
				g.edge(b, d, "never storable")
			} else if b.Traits().Rejects {
				g.edge(b, d, "rejects")
			}
		}
	}
}

// entry is where recovered batches come in: the first policy before the output, else the output.
func entry(chain []*Block) *Block {
	at := len(chain) - 1
	for at > 0 && chain[at-1].plugin.IsPolicy() {
		at--
	}
	return chain[at]
}
