package config

import (
	"fmt"
	"slices"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// checkDates finds keys of objects with a day or an hour that the messages of a batch do not share. Whoever reads the objects of a day misses
// what stands under the day before.
func (l *loader) checkDates(w way) {
	if !slices.ContainsFunc(w, func(b *Block) bool { return b.Role == engine.RoleProcessor && b.knows() && b.plugin.IsStage() }) {
		return // see checkGrouping
	}
	for _, b := range w.of(engine.RoleOutput) {
		if b.scope == nil || b.scope.Open || !b.Traits().Sealed {
			continue
		}
		for _, t := range b.decoded.Templates {
			if ref, by := datedBy(t.Refs, b.scope); ref != "" {
				l.report(b, Diagnostic{Severity: SeverityWarning, Range: b.at(t.Path),
					Summary: fmt.Sprintf("%s is that of a batch's first message, and others of the batch may be later", ref),
					Detail: fmt.Sprintf("What came after midnight, or the hour, stands under the one before. Add %s to partition_by of the processor that groups messages: "+
						"then all messages of a batch share it.", diagnostics.Enumerate(by, "and"))})
			}
		}
	}
}

// datedBy is the first of the variables that the messages of a batch do not share, and what would have to be in partition_by.
func datedBy(refs []string, scope *decode.TemplateScope) (ref string, by []string) {
	for _, r := range refs {
		switch r {
		case "batch.date", "batch.year", "batch.month", "batch.day":
			if !scope.OneDate {
				return r, []string{`"@date"`}
			}
		case "batch.hour":
			if !scope.OneHour && !scope.OneDate {
				return r, []string{`"@date"`, `"@hour"`}
			}
			if !scope.OneHour {
				return r, []string{`"@hour"`}
			}
		}
	}
	return "", nil
}
