package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A unit file with a word that systemd does not know is started without it: without the sandbox, or without the time for a drain.
func TestUnitFile(t *testing.T) {
	text, err := os.ReadFile("../examples/systemd/logpipe.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := string(text)
	for _, must := range []string{
		"Type=notify-reload", "TimeoutStopSec=60s", "Restart=on-failure", "NoNewPrivileges=yes", "ProtectSystem=strict", "DynamicUser=yes", "StateDirectory=logpipe",
		"CapabilityBoundingSet=\n", "SystemCallFilter=@system-service",
	} {
		if !strings.Contains(unit, "\n"+must) {
			t.Errorf("the unit lacks %s", must)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze; the Debian package systemd has it")
	}
	// The program is elsewhere here, and systemd 252 does not know notify-reload, which came with 253.
	unit = strings.Replace(unit, "/usr/local/bin/logpipe", "/bin/true", 1)
	unit = strings.Replace(unit, "notify-reload", "notify", 1)
	file := filepath.Join(t.TempDir(), "logpipe.service")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), "logpipe.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", file).CombinedOutput(); err != nil {
		t.Errorf("more than 2.0 of exposure: %v\n%s", err, out)
	}
}
