package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
	"github.com/logpipe/logpipe/test/process"
)

// A container that is smaller than what docs/operations.md says the process may take is killed by the kernel in an outage, again after each start.
func TestContainersHaveRoomForTheMemory(t *testing.T) {
	env := map[string]string{"S3_BUCKET": "logs", "BATCH_SIZE": "1000", "MAX_WORKERS": "5", "AWS_REGION": "eu-central-1"}
	for pipeline, container := range map[string]struct{ file, limit string }{
		"k8s/base/pipeline.hcl": {"k8s/base/deployment.yaml", `limits: \{cpu: "2", memory: (\d+)Mi\}`},
		"pipeline.hcl":          {"compose.yaml", `mem_limit: (\d+)m`},
	} {
		read := func(name string) []byte {
			text, err := os.ReadFile(filepath.Join(process.Root(), name))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		cfg, found := config.LoadSource(pipeline, read(pipeline), config.Options{Plugins: plugins.All, LookupEnv: func(name string) (string, bool) {
			value, ok := env[name]
			return value, ok
		}})
		if found.HasErrors() {
			t.Fatal(found.All())
		}
		need := int64(0)
		for _, p := range cfg.Pipelines {
			need += p.InFlight()
		}
		need = (40_000_000 + need*5/2) / 9 * 10 // the rest is for the kernel
		m := regexp.MustCompile(container.limit).FindSubmatch(read(container.file))
		if m == nil {
			t.Fatalf("%s has no limit %s", container.file, container.limit)
		}
		if has, _ := strconv.ParseInt(string(m[1]), 10, 64); has<<20 < need { // digits, by the pattern
			t.Errorf("%s: %d MiB, and %s may take %d bytes", container.file, has, pipeline, need)
		}
	}
}
