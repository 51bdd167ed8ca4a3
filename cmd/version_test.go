package cmd

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	settings := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	}
	tests := map[string]struct {
		flag string // -ldflags
		info *debug.BuildInfo
		want string
	}{
		"nothing known": {"", nil, "logpipe dev"},
		"development": {"", &debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "(devel)"}, Settings: settings},
			"logpipe dev (commit abc123, modified, 2026-01-02T03:04:05Z)"},
		"go install": {"", &debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "v1.2.3"}}, "logpipe v1.2.3"},
		"release":    {"v2.0.0", &debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "(devel)"}}, "logpipe v2.0.0"},
		"a user's own": {"", &debug.BuildInfo{Main: debug.Module{Path: "example.com/mine", Version: "v9.9.9"}, Settings: settings,
			Deps: []*debug.Module{{Path: modulePath, Version: "v1.2.3"}}}, "logpipe v1.2.3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			Version = tt.flag
			defer func() { Version = "" }()
			want := tt.want + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
			if got := versionOf(tt.info, tt.info != nil); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
