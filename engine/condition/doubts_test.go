package condition_test

import (
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/condition"
)

// A condition that means another thing than it looks like drops every message, or none, and nothing says so.
func TestDoubts(t *testing.T) {
	for source, want := range map[string]string{
		`level == error`:                            "error without quotes is the field error",
		`ERROR == level`:                            "ERROR without quotes",
		`status >= 500 || log.level != WARN`:        "WARN without quotes",
		`message.headers["env"] == prod`:            "prod without quotes",
		`status >= '500'`:                           "Write 500 without quotes",
		`"0.5" < took`:                              "compared by its characters",
		`ver > '5.5.0' && has("ver")`:               "'5.10.0' is less than '5.5.0'",
		`user == null`:                              "Write nil",
		`http-status == 500`:                        `http-status is the field http minus the field status. A field of this name is written field("http-status")`,
		`a.b-c > 1`:                                 "a.b-c is the field a.b minus",
		`'level' == 'error'`:                        "it is always false",
		`1 == 1`:                                    "it is always true",
		`level == 'a' && level == 'b'`:              "never true",
		`x > 1 and level == 'a' and level == 'b'`:   "never true",
		`level != 'debug' || level != 'info'`:       "always true",
		`not (level != 'debug' or level != "info")`: "always true",
	} {
		if _, err := condition.Compile(source); err != nil {
			t.Errorf("%s: %v", source, err)
		}
		found := condition.Doubts(source)
		if len(found) != 1 || !strings.Contains(found[0].Error(), want) {
			t.Errorf("%s: %v, want %q", source, found, want)
			continue
		}
		if e := found[0]; e.Start < 0 || e.End <= e.Start || e.End > len(source) {
			t.Errorf("%s: from %d to %d", source, e.Start, e.End)
		}
	}
	for _, source := range []string{
		`level == 'error'`, `time > '2026-01-01'`, `status == '500'`, `name < 'm'`, `took > 5.5`, `user == owner`, `a != b`, `started - ended > 5`, `level in ['error', 'warn']`, `field("error") == level`, `error`, `error != nil`,
		`let error = 'x'; level == error`, `has("error")`, `level == 'a' || level == 'b'`, `level != 'a' && level != 'b'`, `a == 1 && b == 2`, `true`, `level ==`,
		`size -1 > 0`, `message.body contains 'a-b'`, `lower(level) == lower(error)`, `a == 'x' && a == 'x'`,
	} {
		if found := condition.Doubts(source); len(found) > 0 {
			t.Errorf("%s: %v", source, found)
		}
	}
}
