package build

import (
	"runtime/debug"
	"testing"
)

// Which logpipe is built must be the one that runs, so that what was tried out is what is shipped.
func TestOwnEngine(t *testing.T) {
	of := func(version string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: version}}
	}
	custom := &debug.BuildInfo{Main: debug.Module{Path: "logpipe-with-plugins", Version: "(devel)"}, Deps: []*debug.Module{{Path: modulePath, Version: "v1.2.3"}}}
	local := &debug.BuildInfo{Main: debug.Module{Path: "example.com/mine"}, Deps: []*debug.Module{
		{Path: modulePath, Version: "v0.0.0", Replace: &debug.Module{Path: "../logpipe"}}}}
	for name, c := range map[string]struct {
		info    *debug.BuildInfo
		release string
		want    string // "" is an error
	}{
		"go install":                       {of("v1.2.3"), "", "v1.2.3"},
		"go install of a commit":           {of("v1.2.4-0.20260102030405-0123456789ab"), "", "v1.2.4-0.20260102030405-0123456789ab"},
		"a release":                        {of("(devel)"), "v1.2.3", "v1.2.3"},
		"a release, without the v":         {of("(devel)"), "1.2.3", "v1.2.3"},
		"a candidate":                      {of("v1.2.3-rc.1"), "", "v1.2.3-rc.1"},
		"built by logpipe build":           {custom, "", "v1.2.3"},
		"without anything noted":           {nil, "", ""},
		"a working copy":                   {of("(devel)"), "", ""},
		"a working copy, described by git": {of("(devel)"), "v1.2.3-4-gabcdef0", ""},
		"a changed working copy":           {of("v1.2.4-0.20260102030405-0123456789ab+dirty"), "", ""},
		"a changed release":                {of("(devel)"), "v1.2.3-dirty", ""},
		"a module with a replace":          {local, "", ""},
	} {
		got, err := OwnEngine(c.info, c.release)
		if (err != nil) != (c.want == "") || got.Version != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got.Version, err, c.want)
		}
	}
}

func TestNamedEngine(t *testing.T) {
	for named, good := range map[string]bool{"v1.2.3": true, tree: true, ".": false, "nosuch": false, "1.2.3": false, t.TempDir(): false} {
		if _, err := NamedEngine(named); (err == nil) != good {
			t.Errorf("%q: %v", named, err)
		}
	}
}
