package cmd

import (
	"github.com/logpipe/logpipe/cmd/internal/describe"
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
		"development": {"", &debug.BuildInfo{Main: debug.Module{Path: describe.ModulePath, Version: "(devel)"}, Settings: settings},
			"logpipe dev (commit abc123, modified, 2026-01-02T03:04:05Z)"},
		"go install": {"", &debug.BuildInfo{Main: debug.Module{Path: describe.ModulePath, Version: "v1.2.3"}}, "logpipe v1.2.3"},
		"release":    {"v2.0.0", &debug.BuildInfo{Main: debug.Module{Path: describe.ModulePath, Version: "(devel)"}}, "logpipe v2.0.0"},
		"a user's own": {"", &debug.BuildInfo{Main: debug.Module{Path: "example.com/mine", Version: "v9.9.9"}, Settings: settings,
			Deps: []*debug.Module{{Path: describe.ModulePath, Version: "v1.2.3"}}}, "logpipe v1.2.3"},
	}
	replaced := &debug.BuildInfo{Main: debug.Module{Path: "example.com/mine"}, Deps: []*debug.Module{
		{Path: describe.ModulePath, Version: "v0.0.0", Replace: &debug.Module{Path: "../logpipe"}}}}
	tests["a working copy in place of the release"] = struct {
		flag string
		info *debug.BuildInfo
		want string
	}{"", replaced, "logpipe dev"}
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

// Who looks into a trouble must see at once that a plugin is not logpipe's own, and of which version it is.
func TestModuleVersion(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Path: "example.com/mine", Version: "(devel)"}, Deps: []*debug.Module{
		{Path: "example.com/me", Version: "v1.0.0"},
		{Path: "example.com/me/redact", Version: "v1.2.3"},
		{Path: "example.com/fork", Version: "v0.0.0", Replace: &debug.Module{Path: "../fork"}},
	}}
	for pkg, want := range map[string]string{
		"example.com/me/redact":     " v1.2.3",
		"example.com/me/redact/sub": " v1.2.3",
		"example.com/me/redactor":   " v1.0.0",
		"example.com/fork":          " (local)",
		"example.com/mine/mask":     " (local)",
		"example.com/other":         "",
		"main":                      "",
	} {
		if got := moduleVersion(pkg, info); got != want {
			t.Errorf("%s: %q, want %q", pkg, got, want)
		}
	}
	if got := moduleVersion("example.com/me", nil); got != "" {
		t.Errorf("without build information: %q", got)
	}
}
