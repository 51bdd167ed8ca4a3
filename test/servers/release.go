package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Release is a RabbitMQ that the tests run on.
type Release struct {
	Version string // major and minor, such as "4.3"
	debian  string // the release of Debian that has it
}

// Releases are those that `make brokers` runs the tests on, oldest first. What
// README.md and the workflow say is held against this table.
var Releases = []Release{
	{Version: "3.10", debian: "bookworm"},
	{Version: "4.0", debian: "trixie"},
	{Version: "4.3", debian: "forky"},
}

// Newest is the last of [Releases].
func Newest() Release { return Releases[len(Releases)-1] }

// choice is which RabbitMQ is wanted: of a version, in a folder, or, when both
// are empty, any.
type choice struct {
	version string // "4.3" or "4.3.6"
	folder  string // of the programs, or the root folder of a Debian
}

var versionForm = regexp.MustCompile(`^\d+\.\d+(\.\d+)?$`)

// chosen is what EnvRabbitMQ says. A folder must be absolute, for every test
// runs in the folder of its package.
func chosen() (choice, error) {
	switch text := os.Getenv(EnvRabbitMQ); {
	case text == "":
		return choice{}, nil
	case versionForm.MatchString(text):
		return choice{version: text}, nil
	case filepath.IsAbs(text):
		return choice{folder: text}, nil
	default:
		return choice{}, fmt.Errorf("%s=%q is neither a version such as %s nor the absolute path of a folder", EnvRabbitMQ, text, Newest().Version)
	}
}

// accepts says whether a version is the wanted one: "4.3" stands for every
// 4.3.x.
func (c choice) accepts(version string) bool {
	return c.version == "" || version == c.version || strings.HasPrefix(version, c.version+".")
}

// release is the one of the table that the wanted version belongs to.
func (c choice) release() (Release, error) {
	var known []string
	for _, r := range Releases {
		if c.version == r.Version || strings.HasPrefix(c.version, r.Version+".") {
			return r, nil
		}
		known = append(known, r.Version)
	}
	return Release{}, fmt.Errorf("no release of Debian is known for RabbitMQ %s, only for %s", c.version, strings.Join(known, ", "))
}

// image is RabbitMQ's own, with the management API.
func (c choice) image() string {
	version := c.version
	if version == "" {
		version = Newest().Version
	}
	return "rabbitmq:" + version + "-management"
}
