package servers

import (
	"context"
	"os/exec"
	"testing"
)

// Promtool returns the path of promtool, Prometheus's own checker. It is looked
// for on PATH and else comes with Debian's package prometheus, whose service is
// not started. The terms are those of [TestBroker].
func Promtool(tb testing.TB) string {
	tb.Helper()
	path, err := promtool.get(func() (string, error) { return start(tb, findPromtool, Options{}) })
	check(tb, err)
	return path
}

var promtool once[string]

func findPromtool(ctx context.Context, o Options) (string, error) {
	find := func() string {
		path, _ := exec.LookPath("promtool") // "" when it is not there
		return path
	}
	if path := find(); path != "" {
		return path, nil
	}
	none := &unavailable{server: "promtool", advice: "install Prometheus so that promtool is on PATH, or run as root on Debian"}
	if err := installPackage(ctx, o, "prometheus", find); err != nil {
		none.add("package", err)
		return "", none
	}
	return find(), nil
}
