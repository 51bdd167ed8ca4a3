package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

// asRoot runs a command that only root may: itself where the tests are root, else by sudo, which must not ask. Where neither goes the test is
// skipped, and fails in CI.
func asRoot(t *testing.T, command ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		command = append([]string{"sudo", "-n"}, command...)
	}
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	switch {
	case err == nil:
	case servers.InCI():
		t.Fatalf("%v: %v: %s", command, err, out)
	default:
		t.Skipf("this row needs a disk of its own, and so root, or sudo without a password: %v: %v: %s", command, err, out)
	}
}

// volume is a small disk of a test's own, in memory.
type volume struct {
	t    *testing.T
	path string
}

// newVolume mounts one. It is gone with the test, after the processes that the test starts later.
func newVolume(t *testing.T, path string, size int) *volume {
	t.Helper()
	if err := os.MkdirAll(path, 0o750); err != nil {
		t.Fatal(err)
	}
	asRoot(t, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d,mode=0777", size), "tmpfs", path)
	t.Cleanup(func() { asRoot(t, "umount", path) })
	return &volume{t, path}
}

// remount changes how it is mounted: its size, or whether it may be written.
func (v *volume) remount(options string) {
	v.t.Helper()
	asRoot(v.t, "mount", "-o", "remount,"+options, v.path)
}

// thinDisk mounts an ext4 at path that believes to have 64 MiB, on a volume that has less: a thin volume, as clouds and hypervisors
// hand out. The kernel takes writes into its memory, and only fsync finds that there is no room for them.
func thinDisk(t *testing.T, w *world.World, path string, size int) (below *volume) {
	t.Helper()
	below = newVolume(t, filepath.Join(w.Dir, "below"), size)
	image := filepath.Join(below.path, "image")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(64 << 20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.MkdirAll(path, 0o750); err != nil {
		t.Fatal(err)
	}
	asRoot(t, "mkfs.ext4", "-q", "-O", "^has_journal", "-E", "nodiscard", image)
	asRoot(t, "mount", "-o", "loop", image, path)
	t.Cleanup(func() { asRoot(t, "umount", path) })
	asRoot(t, "rmdir", filepath.Join(path, "lost+found"))
	asRoot(t, "chmod", "0777", path)
	return below
}
