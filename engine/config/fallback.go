package config

import (
	"fmt"

	"github.com/logpipe/logpipe/engine"
)

// checkTwice finds a policy that wraps itself: three attempts of three attempts are nine, and the waits between them add up as nobody meant.
func (l *loader) checkTwice(w way) {
	first := map[string]*Block{}
	for _, b := range w {
		if b.Role != engine.RoleProcessor || b.Config == nil || !b.plugin.IsPolicy() {
			continue
		}
		if other := first[b.Type]; other != nil {
			l.report(b, Diagnostic{
				Summary: fmt.Sprintf("a pipeline has one %s, and this is the second", b.decoded.What),
				Detail:  "Each would repeat what the other repeats. Take one of the two out.",
				Related: []Related{{Text: "the first one is on", Range: other.Range}},
			})
			continue
		}
		first[b.Type] = b
	}
}

// checkFallback finds a fallback that nothing falls into, and one from which nothing comes home.
func (l *loader) checkFallback(w way) {
	for _, fallback := range w.of(engine.RoleFallback, "recover") {
		if fallback.Recover && !fallback.Traits().GivesBack {
			l.report(fallback, Diagnostic{Severity: SeverityWarning,
				Summary: fmt.Sprintf("what falls into %s does not come home by itself", fallback.decoded.What),
				Detail: "It counts as stored there, and somebody has to bring it to the output. Use a fallback \"file\", which gives back what it took; " +
					"or set recover = false, which says that it is meant so."})
		}
	}
	if w.count(engine.RoleFallback) == 0 {
		return
	}
	for _, b := range w.of(engine.RoleProcessor, "attempts") {
		if b.Traits().Endless {
			l.report(b, Diagnostic{Severity: SeverityWarning, Range: b.at("attempts"),
				Summary: fmt.Sprintf("the fallback is never used, because %s tries without limit", b.decoded.What),
				Detail:  "Give it a number of attempts; what fails then goes to the fallback. Or take the fallback out."})
		}
	}
}
