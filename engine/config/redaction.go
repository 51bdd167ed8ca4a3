package config

import (
	"fmt"

	"github.com/logpipe/logpipe/engine"
)

// checkRedaction finds a processor that sends messages to the dead letter before one that takes secrets out of them has seen them.
func (l *loader) checkRedaction(w way) {
	if w.count(engine.RoleDeadLetter) == 0 {
		return
	}
	var early *Block
	for _, b := range w.of(engine.RoleProcessor, "on_invalid") {
		t := b.Traits()
		if t.Redacts && early != nil {
			l.report(b, Diagnostic{Severity: SeverityWarning,
				Summary: fmt.Sprintf("what %s rejects goes to the dead letter before %s has seen it", early.decoded.What, b.decoded.What),
				Detail:  "So the secrets in it are kept there. Put it first, in front of all that may reject messages.",
				Related: []Related{{Text: "who rejects is on", Range: early.Range}}})
		}
		if t.Redacts {
			return // what comes behind it has no secrets
		}
		if t.Rejects && early == nil {
			early = b
		}
	}
}
