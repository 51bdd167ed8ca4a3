package servers

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
)

// Podman returns the path of podman, which builds and runs images without an engine. It is looked for on PATH and else comes with
// Debian's package, together with runc. The terms are those of [TestBroker].
func Podman(tb testing.TB) string {
	tb.Helper()
	path, err := podman.get(func() (string, error) { return start(tb, findPodman, Options{}) })
	check(tb, err)
	return path
}

var podman once[string]

func findPodman(ctx context.Context, o Options) (string, error) {
	for _, name := range []string{"podman", "runc"} {
		find := func() string {
			path, _ := exec.LookPath(name) // "" when it is not there
			return path
		}
		if find() != "" {
			continue
		}
		if err := installPackage(ctx, o, name, find); err != nil {
			none := &unavailable{server: name, advice: "install podman and runc, or run as root on Debian"}
			none.add("package", err)
			return "", none
		}
	}
	path, err := exec.LookPath("podman")
	if err != nil {
		return "", fmt.Errorf("find podman: %w", err)
	}
	return path, nil
}
