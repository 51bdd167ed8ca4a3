package config

import (
	"fmt"
	"slices"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

// edge says that what a block of one pipeline writes is read by a block of another one, or of the
// same.
type edge struct {
	from, to       int // pipelines
	writer, reader *Block
	way            string // the place where they meet
}

// routedBy are the attributes that say where messages go. What depends on one that is not known is
// not compared.
var routedBy = []string{"url", "urls", "host", "port", "vhost", "queue", "binding", "exchange", "exchange_type", "routing_key", "keep_routing_key",
	"dead_letter_exchange", "dead_letter_routing_key", "temporary"}

// checkCircles finds messages that would come back to the pipeline that has written them, again and
// again.
func (l *loader) checkCircles(c *Config) {
	edges := edgesOf(c.Pipelines)
	for _, e := range edges {
		if e.from == e.to {
			l.tellCircle(c, []edge{e})
			continue
		}
		if e.from < e.to { // each circle has an edge back, and is told there
			continue
		}
		if back := pathOf(edges, e.to, e.from); back != nil {
			l.tellCircle(c, append([]edge{e}, back...))
		}
	}
}

func edgesOf(pipelines []*Pipeline) (edges []edge) {
	var all []any
	each := func(f func(p int, b *Block)) {
		for p := range pipelines {
			for i := range pipelines[p].Blocks {
				if b := &pipelines[p].Blocks[i]; b.knows(routedBy...) {
					f(p, b)
				}
			}
		}
	}
	each(func(_ int, b *Block) { all = append(all, b.Config) })
	each(func(from int, writer *Block) {
		if schema.KindOf(writer.Role) != engine.KindOutput {
			return
		}
		each(func(to int, reader *Block) {
			if reader.Role != engine.RoleInput {
				return
			}
			if way, ok := engine.Feeds(writer.Config, reader.Config, all); ok {
				edges = append(edges, edge{from, to, writer, reader, way})
			}
		})
	})
	return edges
}

// pathOf is a shortest way from one pipeline to another, nil if there is none.
func pathOf(edges []edge, from, to int) []edge {
	came := map[int]edge{}
	seen := map[int]bool{from: true}
	for at := []int{from}; len(at) > 0 && !seen[to]; {
		var next []int
		for _, e := range edges {
			if slices.Contains(at, e.from) && !seen[e.to] {
				seen[e.to], came[e.to] = true, e
				next = append(next, e.to)
			}
		}
		at = next
	}
	if !seen[to] {
		return nil
	}
	var path []edge
	for at := to; at != from; at = came[at].from {
		path = append([]edge{came[at]}, path...)
	}
	return path
}

// tellCircle is an error where all messages of a kind go round. A pipeline that repairs dead
// letters and sends them back is made of both kinds: that may be meant.
func (l *loader) tellCircle(c *Config, circle []edge) {
	e := circle[0]
	role := e.writer.Role
	g := Diagnostic{Range: e.writer.at("queue", "routing_key", "exchange")}
	if len(circle) == 1 {
		g.Summary = fmt.Sprintf("%s writes to %s, which %s of this pipeline reads", e.writer.decoded.What, e.way, e.reader.decoded.What)
		g.Related = []Related{{Text: "it is read on", Range: *e.reader.at("queue")}}
	} else {
		g.Summary = fmt.Sprintf("%s writes to %s, which pipeline %q reads", e.writer.decoded.What, e.way, c.Pipelines[e.to].Name)
		for _, next := range circle[1:] {
			g.Summary += fmt.Sprintf(", whose %s writes to %s, which pipeline %q reads", next.writer.decoded.What, next.way, c.Pipelines[next.to].Name)
			g.Related = append(g.Related, Related{Text: "that writes on", Range: *next.writer.at("queue", "routing_key", "exchange")})
		}
	}
	mixed := slices.ContainsFunc(circle, func(o edge) bool { return (o.writer.Role == engine.RoleDeadLetter) != (role == engine.RoleDeadLetter) })
	switch {
	case mixed:
		g.Severity = SeverityWarning
		g.Detail = "A message that is rejected each time it comes goes round for ever. That is well only if a pipeline on the way repairs what it sends back, or does not send it back."
	case role == engine.RoleDeadLetter:
		g.Detail = "A message that is rejected would come back, be rejected again, and so on for ever, each time once more. Give dead letters a queue that none of these pipelines reads."
	default:
		g.Detail = "Each message that is stored would be read and stored again, for ever. Write to a place that none of these pipelines reads."
	}
	l.report(e.writer, g)
}
