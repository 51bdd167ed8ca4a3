package condition_test

import (
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/condition"
)

// A branch whose condition is constant gets everything or nothing, which whoever wrote it has to be told.
func TestConstant(t *testing.T) {
	for source, want := range map[string][2]bool{
		"true": {true, true}, "1 > 2": {false, true}, "'a' in ['a']": {true, true},
		"a == 1": {}, "true || a == 1": {}, "message.size > 0": {}, "has('a')": {}, "int('x') == 1": {},
	} {
		c, err := condition.Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if answer, constant := condition.Constant(c); answer != want[0] || constant != want[1] {
			t.Errorf("%s: %v, %v, want %v", source, answer, constant, want)
		}
	}
	if _, constant := condition.Constant(engine.Condition{}); constant {
		t.Error("none is constant")
	}
}
