package admin

import (
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// Two outputs of one plugin must be two series: with one, Prometheus refuses the whole page, and nobody is alerted of anything.
func TestPluginLabelOfBranches(t *testing.T) {
	for _, tt := range []struct {
		step string
		role engine.Role
		want string
	}{
		{"output.s3", engine.RoleOutput, "s3"},
		{"input.amqp.2", engine.RoleInput, "amqp.2"},
		{"audit.output.s3", engine.RoleOutput, "audit.s3"},
		{"audit.processor.batch.2", engine.RoleProcessor, "audit.batch.2"},
		{"output.output.s3", engine.RoleOutput, "output.s3"},
		{"branch", engine.RoleProcessor, "branch"},
	} {
		if got := pluginOf(&stats.Step{Name: tt.step, Role: tt.role}); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.step, got, tt.want)
		}
	}
}
