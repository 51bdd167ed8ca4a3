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
	open := 0 // the branch whose box is open
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if b.branch != open {
			if open > 0 {
				g.out.WriteString("    end\n")
			}
			if open = b.branch; open > 0 {
				fmt.Fprintf(g.out, "    subgraph %sbranch_%d[\"branch %s\"]\n", g.prefix, open, p.Branches[open-1].title())
			}
		}
		g.node(b)
	}
	if open > 0 {
		g.out.WriteString("    end\n")
	}
	drawn := map[string]bool{} // the common part is on the way to each branch
	for _, w := range p.ways() {
		g.way(p, w, drawn)
	}
}

// title is the branch with what it takes, without what means something to Mermaid.
func (b *Branch) title() string {
	switch {
	case b.Default:
		return b.Name + ": the rest"
	case b.asks():
		return b.Name + ": " + strings.NewReplacer("\"", "#quot;", "\n", " ").Replace(b.When.String())
	}
	return b.Name
}

// way draws the edges on the way to one output.
func (g *graph) way(p *Pipeline, w way, drawn map[string]bool) {
	edge := func(from, to *Block, label string) {
		if key := from.Name + " " + to.Name; !drawn[key] {
			drawn[key] = true
			g.edge(from, to, label)
		}
	}
	outputs := w.in(engine.RoleOutput)
	if len(outputs) == 0 {
		return
	}
	output := outputs[0]
	chain := append(w.in(engine.RoleProcessor), output)
	for _, in := range w.in(engine.RoleInput) {
		edge(in, chain[0], "")
	}
	for i, b := range chain[1:] {
		edge(chain[i], b, "")
	}
	for _, f := range w.in(engine.RoleFallback) {
		edge(output, f, "fails")
		if f.Recover {
			edge(f, entry(chain), "recovery")
		}
	}
	for _, b := range chain {
		switch d := p.deadLetter(b.branch); {
		case d == nil:
		case b == output:
			edge(b, d, "never storable")
		case b.Traits().Rejects:
			edge(b, d, "rejects")
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
