package servers

import (
	"context"
	"os/exec"
	"testing"
)

// Amtool returns the path of amtool, Alertmanager's own checker. It is looked for on PATH and else comes with Debian's package
// prometheus-alertmanager, whose service is not started. The terms are those of [TestBroker].
func Amtool(tb testing.TB) string {
	tb.Helper()
	path, err := amtool.get(func() (string, error) { return start(tb, findAmtool, Options{}) })
	check(tb, err)
	return path
}

var amtool once[string]

func findAmtool(ctx context.Context, o Options) (string, error) {
	find := func() string {
		path, _ := exec.LookPath("amtool") // "" when it is not there
		return path
	}
	if path := find(); path != "" {
		return path, nil
	}
	none := &unavailable{server: "amtool", advice: "install Alertmanager so that amtool is on PATH, or run as root on Debian"}
	if err := installPackage(ctx, o, "prometheus-alertmanager", find); err != nil {
		none.add("package", err)
		return "", none
	}
	return find(), nil
}
