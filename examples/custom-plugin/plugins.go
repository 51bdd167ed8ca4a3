// Package logs is a module with plugins for logpipe, as somebody else than its makers writes one. It imports what everybody may import:
// engine, engine/enginetest, cmd and plugins.
package logs

import (
	"github.com/logpipe/logpipe/engine"

	"example.com/logs/breaker"
	"example.com/logs/mask"
	"example.com/logs/opensearch"
	"example.com/logs/relp"
	"example.com/logs/reorder"
)

// Plugins is what `logpipe build --with` looks for in a package; one that has a single plugin says `var Plugin`.
var Plugins = []engine.Plugin{relp.Plugin, mask.Plugin, reorder.Plugin, breaker.Plugin, opensearch.Plugin}
