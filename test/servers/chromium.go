package servers

import (
	"context"
	"os/exec"
	"testing"
)

// Chromium returns the path of a Chromium, to look at pages with. It is looked
// for on PATH and else comes with Debian's package chromium. The terms are
// those of [TestBroker].
func Chromium(tb testing.TB) string {
	tb.Helper()
	path, err := chromium.get(func() (string, error) { return start(tb, chromiumOf, Options{}) })
	check(tb, err)
	return path
}

var chromium once[string]

func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func chromiumOf(ctx context.Context, o Options) (string, error) {
	if path := findChromium(); path != "" {
		return path, nil
	}
	none := &unavailable{server: "Chromium", advice: "install chromium so that it is on PATH, or run as root on Debian"}
	if err := installPackage(ctx, o, "chromium", findChromium); err != nil {
		none.add("package", err)
		return "", none
	}
	return findChromium(), nil
}
