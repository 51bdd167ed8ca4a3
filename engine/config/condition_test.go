package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

func withCondition(t *testing.T, condition string) *config.Pipeline {
	t.Helper()
	src := "pipeline \"p\" {\n  input \"generator\" {}\n  processor \"filter\" {\n    keep = " + condition + "\n  }\n  output \"stdout\" {}\n}\n"
	c, found := config.LoadSource("p.hcl", []byte(src), options([]byte("# env: LEVEL=debug\n")))
	if c == nil || found.HasErrors() {
		t.Fatal(found.All())
	}
	return c.Pipelines[0]
}

func TestConditionIsCompiled(t *testing.T) {
	p := withCondition(t, `"level == '${env("LEVEL")}'"`)
	keep := reflect.Indirect(reflect.ValueOf(p.Blocks[1].Config)).FieldByName("Keep").Interface().(engine.Condition)
	for body, want := range map[string]bool{`{"level":"debug"}`: true, `{"level":"info"}`: false} {
		if got, err := keep.Match(&engine.Message{Body: []byte(body)}); got != want || err != nil {
			t.Errorf("%s is %v, %v", body, got, err)
		}
	}
	if text := p.Effective(); !strings.Contains(text, `keep = "level == 'debug'"`) {
		t.Errorf("the condition is not in\n%s", text)
	}
}

// A reload restarts what has changed. A condition that it did not see changed would go on dropping by the old one.
func TestChangeOfAConditionIsSeen(t *testing.T) {
	salt := []byte("salt")
	one, same, other := withCondition(t, `"a == 1"`), withCondition(t, `"a == ${0 + 1}"`), withCondition(t, `"a == 2"`)
	if !reflect.DeepEqual(one.Evaluate(salt), same.Evaluate(salt)) || reflect.DeepEqual(one.Evaluate(salt), other.Evaluate(salt)) {
		t.Error("evaluated conditions do not compare as what they are")
	}
}
