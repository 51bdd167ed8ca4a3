package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// onlyLocal is the mark of a default that must not leave the machine.
const onlyLocal = "only-local"

var (
	isSecret = regexp.MustCompile(`(?i)pass|secret|token`)
	variable = regexp.MustCompile(`^\$\{[A-Z0-9_]+:-` + onlyLocal + `\}$`)
	inURL    = regexp.MustCompile(`://[^/@]*?:(\$\{[^}]*\}|[^@/]*)@`)
)

// secrets looks at a project whose variables are not filled in yet.
func secrets(p *types.Project) (wrong []string) {
	for _, s := range p.AllServices() {
		for name, value := range s.Environment {
			switch m := inURL.FindStringSubmatch(deref(value)); {
			case m != nil && !variable.MatchString(m[1]), m == nil && isSecret.MatchString(name) && !variable.MatchString(deref(value)):
				wrong = append(wrong, fmt.Sprintf("%s: %s must come from a variable with the default %s", s.Name, name, onlyLocal))
			}
		}
		for _, word := range slices.Concat([]string(s.Command), []string(s.Entrypoint)) {
			if isSecret.MatchString(word) && !strings.Contains(word, "${") {
				wrong = append(wrong, s.Name+": a secret in the command line can be seen by everybody on the machine")
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
