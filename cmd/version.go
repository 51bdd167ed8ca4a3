package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/describe"
	"github.com/logpipe/logpipe/engine"
)

// Version is the release, set by the build: -ldflags "-X github.com/logpipe/logpipe/cmd.Version=v1.2.3". Without it the
// version is what Go recorded in the binary, or "dev".
var Version string

// releaseOf is the release in one word.
func releaseOf(info *debug.BuildInfo) string {
	if Version != "" {
		return Version
	}
	if info == nil {
		return "dev"
	}
	module := &info.Main
	for _, dep := range info.Deps { // a binary with plugins of its own: logpipe is a dependency
		if dep.Path == describe.ModulePath {
			module = dep
		}
	}
	if module.Path != describe.ModulePath || module.Version == "" || module.Version == "(devel)" || module.Replace != nil {
		return "dev"
	}
	return module.Version
}

// versionOf is the line that tells one build from another.
func versionOf(info *debug.BuildInfo, ok bool) string {
	if !ok {
		info = nil
	}
	line := "logpipe " + releaseOf(info)
	if info != nil && info.Main.Path == describe.ModulePath {
		line += commit(info)
	}
	return fmt.Sprintf("%s %s %s/%s", line, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func commit(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := settings["vcs.revision"]
	if revision == "" {
		return ""
	}
	if settings["vcs.modified"] == "true" {
		revision += ", modified"
	}
	return fmt.Sprintf(" (commit %s, %s)", revision, settings["vcs.time"])
}

func versionCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version, and which plugins are not logpipe's own",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			return a.Print(versionOf(info, ok) + "\n" + foreign(a.Plugins, info))
		},
	}
}

// foreign has a line for each plugin that is not logpipe's own, with the version of its module.
func foreign(plugins []engine.Plugin, info *debug.BuildInfo) string {
	var s strings.Builder
	for _, p := range plugins {
		if describe.IsForeign(p) {
			fmt.Fprintf(&s, "  %s %q from %s%s\n", p.Kind(), p.Name(), p.Package(), moduleVersion(p.Package(), info))
		}
	}
	return s.String()
}

// moduleVersion is the version of the module that a package is in, as Go noted it in the binary.
func moduleVersion(pkg string, info *debug.BuildInfo) string {
	if info == nil {
		return ""
	}
	var of *debug.Module
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if (pkg == m.Path || strings.HasPrefix(pkg, m.Path+"/")) && (of == nil || len(m.Path) > len(of.Path)) {
			of = m
		}
	}
	switch {
	case of == nil:
		return ""
	case of.Replace != nil, of.Version == "(devel)", of.Version == "":
		return " (local)"
	default:
		return " " + of.Version
	}
}

// currentVersion is the release that this binary is, as it goes into metadata.
func currentVersion() string {
	info, _ := debug.ReadBuildInfo()
	return releaseOf(info)
}
