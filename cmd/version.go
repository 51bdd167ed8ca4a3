package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is the release, set by the build: -ldflags "-X github.com/logpipe/logpipe/cmd.Version=v1.2.3". Without it the
// version is what Go recorded in the binary, or "dev".
var Version string

const modulePath = "github.com/logpipe/logpipe"

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
		if dep.Path == modulePath {
			module = dep
		}
	}
	if module.Path != modulePath || module.Version == "" || module.Version == "(devel)" {
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
	if info != nil && info.Main.Path == modulePath {
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

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.Out, versionOf(debug.ReadBuildInfo()))
			return err
		},
	}
}

// currentVersion is the release that this binary is, as it goes into metadata.
func currentVersion() string {
	info, _ := debug.ReadBuildInfo()
	return releaseOf(info)
}
