package servers

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChosen(t *testing.T) {
	for text, want := range map[string]choice{
		"": {}, "4.3": {version: "4.3"}, "3.10.8": {version: "3.10.8"}, "/opt/rabbitmq": {folder: "/opt/rabbitmq"},
	} {
		t.Setenv(EnvRabbitMQ, text)
		if got, err := chosen(); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"4", "latest", "./rabbitmq", "4.3 "} {
		t.Setenv(EnvRabbitMQ, text)
		if _, err := StartBroker(t.Context(), Options{Own: true}); err == nil || !strings.Contains(err.Error(), EnvRabbitMQ+"=") || errors.Is(err, ErrUnavailable) {
			t.Errorf("%q: %v, want an error that quotes it and skips no test", text, err)
		}
	}
}

func TestChoiceAccepts(t *testing.T) {
	for _, c := range []struct {
		want, is string
		ok       bool
	}{
		{"", "3.10.8", true}, {"", "", true}, {"4.3", "4.3.6", true}, {"4.3.6", "4.3.6", true},
		{"4.3", "4.30.1", false}, {"4.3.6", "4.3.7", false}, {"3.1", "3.10.8", false}, {"4.3", "", false},
	} {
		if got := (choice{version: c.want}).accepts(c.is); got != c.ok {
			t.Errorf("%q accepts %q: %v", c.want, c.is, got)
		}
	}
}

// unpacked makes a RabbitMQ of a version in a folder, without anything that runs.
func unpacked(t *testing.T, bin, plugins string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	step(t, "make", errors.Join(os.MkdirAll(filepath.Join(folder, bin), 0o755), os.MkdirAll(filepath.Join(folder, plugins), 0o755)))
	fakeProgram(t, filepath.Join(folder, bin), "rabbitmq-server", "exit 1\n")
	return folder
}

func TestFolderOfARabbitMQ(t *testing.T) {
	for _, c := range []struct{ name, bin, plugins, version string }{
		{"unpacked", "sbin", "plugins/rabbit-4.1.2", "4.1.2"},
		{"its programs", ".", "../plugins", ""},
		{"a Debian", "usr/lib/rabbitmq/bin", "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/plugins/rabbit-4.0.5", "4.0.5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := unpacked(t, c.bin, c.plugins)
			in, err := inFolder(folder)
			if c.name == "a Debian" && rootCloses() != nil {
				if err == nil || !strings.Contains(err.Error(), "needs") {
					t.Fatalf("error %v, want what a Debian in a folder needs", err)
				}
				return
			}
			step(t, "look", err)
			if version, _ := in.version(); version != c.version {
				t.Errorf("version %q, want %q", version, c.version)
			}
			if err := in.is(choice{version: "4.3"}); err == nil {
				t.Error("it passes for RabbitMQ 4.3")
			}
		})
	}
	if _, err := inFolder(t.TempDir()); err == nil || !strings.Contains(err.Error(), "has no rabbitmq-server") {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestNoWayToAVersion wants that another version is never taken for the chosen one.
func TestNoWayToAVersion(t *testing.T) {
	folder := unpacked(t, "sbin", "plugins/rabbit-3.10.8")
	t.Setenv(EnvAMQP, "")
	t.Setenv(EnvCache, t.TempDir())
	t.Setenv(EnvRabbitMQ, "4.9")
	t.Setenv("PATH", t.TempDir())
	set(t, &rabbitFolders, []string{filepath.Join(folder, "sbin")})
	_, err := StartBroker(t.Context(), Options{})
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
	want := "no RabbitMQ 4.9 can be had on this machine (program: rabbitmq-server is of version 3.10.8; Docker: there is no docker program; " +
		"Debian root: no release of Debian is known for RabbitMQ 4.9, only for 3.10, 4.0, 4.3); " +
		"install that version, start a Docker engine, run as root on Debian, or set LOGPIPE_TEST_RABBITMQ to a folder that has one"
	if err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
}

func TestNamedBrokerOfAnotherVersion(t *testing.T) {
	b := TestBroker(t)
	for _, kv := range b.Env() {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	t.Setenv(EnvRabbitMQ, "2.0")
	if _, err := StartBroker(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "is of version "+b.Version()) {
		t.Errorf("error %v, want one that says the version", err)
	}
}

func TestUnfinishedRoot(t *testing.T) {
	root := unpacked(t, "usr/lib/rabbitmq/bin", "debootstrap")
	if _, err := wholeRoot(root, choice{version: "4.0"}); err == nil || !strings.Contains(err.Error(), "is not finished") {
		t.Errorf("error %v", err)
	}
}

// TestRootEndsWithItsProgram runs a shell in a root and looks for what it leaves: a mount that stayed would let whoever removes the root
// remove this machine's devices.
func TestRootEndsWithItsProgram(t *testing.T) {
	if err := rootCloses(); err != nil {
		t.Skip(err)
	}
	dir, err := newScratch("root")
	step(t, "make a folder", err)
	t.Cleanup(func() { step(t, "close", dir.close()) })
	// A root of nothing but this machine's own programs, which are mounted in a namespace around it.
	root := dir.join("root")
	line := []string{"sh", "-c", `set -e
		for name in proc dev tmp etc usr bin lib lib64; do mkdir -p "$0/$name"; done
		for name in usr bin lib lib64; do mount --rbind "/$name" "$0/$name"; done
		exec "$@"`, root}
	inner := inRoot(t.Context(), root, dir.path, os.Environ(), []string{"/usr/bin/sh", "-c", "test -c /dev/null && test -d /proc/self && pwd && echo here > found"})
	cmd := exec.CommandContext(t.Context(), isolated[0], slices.Concat(isolated[1:], line, inner.Args)...)
	cmd.Env = inner.Env
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != dir.path {
		t.Fatalf("%v, and it said %q, want %s", err, out, dir.path)
	}
	if text, _ := os.ReadFile(dir.join("found")); string(text) != "here\n" {
		t.Errorf("what it wrote into the shared folder is %q here", text)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	step(t, "read the mounts", err)
	if strings.Contains(string(mounts), root) {
		t.Errorf("a mount stayed:\n%s", mounts)
	}
	for _, name := range []string{"dev", "proc", "tmp"} {
		if left, _ := os.ReadDir(filepath.Join(root, name)); len(left) > 0 {
			t.Errorf("%s of the root has %d entries left", name, len(left))
		}
	}
}
