package memory

import (
	"testing"
	"testing/fstest"
)

// A limit that is not seen means that the kernel kills the process in the middle of a batch.
func TestCgroupLimit(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control groups": {nil, 0},
		"unified, none set": {map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "max\n",
		}, 0},
		"unified, in a container": {map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "268435456\n",
		}, 268435456},
		"unified, a service whose slice is smaller": {map[string]string{
			"proc/self/cgroup":                                      "0::/system.slice/logpipe.service\n",
			"sys/fs/cgroup/system.slice/memory.max":                 "1000\n",
			"sys/fs/cgroup/system.slice/logpipe.service/memory.max": "2000\n",
		}, 1000},
		"older, the host's path inside a container": {map[string]string{
			"proc/self/cgroup":                           "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "5000\n",
		}, 5000},
		"older, none set": {map[string]string{
			"proc/self/cgroup":                           "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		"nonsense": {map[string]string{
			"proc/self/cgroup":         "what\n0::/\n",
			"sys/fs/cgroup/memory.max": "-5\n",
		}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for path, text := range tt.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := cgroupLimit(root); got != tt.want {
				t.Errorf("limit %d, want %d", got, tt.want)
			}
		})
	}
}
