package servers

import (
	"context"
	"os/exec"
	"testing"
)

// tool is a program that tests call. It is looked for on PATH and else comes with a package of Debian, whose service is not started.
type tool struct {
	name    string
	names   []string // of its program; the first that is there
	debian  string   // the package
	advice  string
	located once[string]
}

var (
	promtool = &tool{name: "promtool", names: []string{"promtool"}, debian: "prometheus",
		advice: "install Prometheus so that promtool is on PATH, or run as root on Debian"}
	amtool = &tool{name: "amtool", names: []string{"amtool"}, debian: "prometheus-alertmanager",
		advice: "install Alertmanager so that amtool is on PATH, or run as root on Debian"}
	alertmanager = &tool{name: "an Alertmanager", names: []string{"prometheus-alertmanager", "alertmanager"}, debian: "prometheus-alertmanager",
		advice: "install Alertmanager so that it is on PATH, or run as root on Debian"}
	chromium = &tool{name: "Chromium", names: []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"}, debian: "chromium",
		advice: "install chromium so that it is on PATH, or run as root on Debian"}
	podman = &tool{name: "podman", names: []string{"podman"}, debian: "podman", advice: "install podman and runc, or run as root on Debian"}
	runc   = &tool{name: "runc", names: []string{"runc"}, debian: "runc", advice: "install podman and runc, or run as root on Debian"}
)

// Promtool returns the path of promtool, Prometheus's own checker. The terms are those of [TestBroker].
func Promtool(tb testing.TB) string { return promtool.of(tb) }

// Amtool returns the path of amtool, Alertmanager's own checker. The terms are those of [TestBroker].
func Amtool(tb testing.TB) string { return amtool.of(tb) }

// Chromium returns the path of a Chromium, to look at pages with. The terms are those of [TestBroker].
func Chromium(tb testing.TB) string { return chromium.of(tb) }

// Podman returns the path of podman, which builds and runs images without an engine, with runc. The terms are those of [TestBroker].
func Podman(tb testing.TB) string {
	runc.of(tb)
	return podman.of(tb)
}

func (t *tool) of(tb testing.TB) string {
	tb.Helper()
	path, err := t.located.get(func() (string, error) { return start(tb, t.locate, Options{}) })
	check(tb, err)
	return path
}

func (t *tool) locate(ctx context.Context, o Options) (string, error) {
	if path := t.find(); path != "" {
		return path, nil
	}
	if err := installPackage(ctx, o, t.debian, t.find); err != nil {
		none := &unavailable{server: t.name, advice: t.advice}
		none.add("package", err)
		return "", none
	}
	return t.find(), nil
}

// find looks on PATH; "" when it is not there.
func (t *tool) find() string {
	for _, name := range t.names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
