package build

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

const modulePath = "github.com/logpipe/logpipe"

// Engine is which logpipe is built: a version, or the folder of a working copy.
type Engine struct {
	Version string
	Folder  string
}

// String is for people.
func (e Engine) String() string {
	if e.Folder != "" {
		return "from " + e.Folder
	}
	return e.Version
}

// module is what people read where packages have their names.
func (e Engine) module() string {
	if e.Folder != "" {
		return modulePath + " from " + e.Folder
	}
	return modulePath + "@" + e.Version
}

// version is what go.mod asks for. A folder takes the place of whatever that is.
func (e Engine) version() string {
	if e.Folder != "" {
		return "v0.0.0"
	}
	return e.Version
}

// label is what the binary says of itself.
func (e Engine) label() string {
	if e.Folder != "" {
		return "dev"
	}
	return e.Version
}

// NamedEngine is what the flag --logpipe says: a version, or the folder of a working copy.
func NamedEngine(s string) (Engine, error) {
	if semver.IsValid(s) {
		return Engine{Version: s}, nil
	}
	folder, err := filepath.Abs(s)
	if err != nil {
		return Engine{}, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil || modfile.ModulePath(text) != modulePath {
		return Engine{}, Usage{fmt.Errorf("--logpipe %s: this is neither a version, such as v1.2.3, nor a folder with logpipe's source", s)}
	}
	return Engine{Folder: folder}, nil
}

// OwnEngine is the logpipe that runs: what Go noted in its binary, else the release that its build noted (see cmd.Version).
func OwnEngine(info *debug.BuildInfo, release string) (Engine, error) {
	if info != nil {
		for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
			if m.Path != modulePath {
				continue
			}
			if m.Replace != nil && isFolder(m.Replace.Path) {
				break // of the machine that it was built on
			}
			if isFetchable(m.Version) {
				return Engine{Version: m.Version}, nil
			}
		}
	}
	if !strings.HasPrefix(release, "v") {
		release = "v" + release
	}
	if isFetchable(release) {
		return Engine{Version: release}, nil
	}
	return Engine{}, Usage{fmt.Errorf("this logpipe was built from a working copy and is of no version that could be fetched: say --logpipe and a version or the folder of a working copy")}
}

// described is what git describe makes of a commit behind a tag. It looks like a version, and is none.
var described = regexp.MustCompile(`-[0-9]+-g[0-9a-f]+$`)

// isFetchable reports whether a version can be one of a module. What was built from files that were changed has "+dirty" at its end.
func isFetchable(version string) bool {
	if described.MatchString(version) || semver.Build(version) != "" || strings.HasSuffix(version, "-dirty") {
		return false
	}
	return semver.Canonical(version) == version && version != "" && version != "v0.0.0" && module.CanonicalVersion(version) == version
}
