package file

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// The test binary starts itself again where a second process is needed: one that dies, or has other rights.
var children = map[string]func(args []string) error{
	"write":      writeForEver,
	"write once": writeOnce,
	"recover":    recoverForEver,
}

func TestMain(m *testing.M) {
	if name := os.Getenv("FILE_TEST_CHILD"); name != "" {
		if err := children[name](os.Args[1:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "FILE_TEST_CHILD="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// lockFromOutside locks a file as another process would.
func lockFromOutside(t *testing.T, path string) (unlock func()) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := linefile.TryLock(f); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return func() { f.Close() }
}

// mount puts a small file system in memory at a new folder. It needs root.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill leaves no room on a file system.
func fill(t *testing.T, dir string) {
	t.Helper()
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
}

// immutable forbids to make, rename and remove anything in a folder, also to root. It needs a file system that can.
func immutable(t *testing.T, dir string) (mutable func()) {
	t.Helper()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	const flag = 0x10 // FS_IMMUTABLE_FL of ioctl_iflags(2)
	if err := unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, flag); err != nil {
		d.Close()
		t.Skipf("make a folder immutable: %v", err)
	}
	return sync.OnceFunc(func() {
		defer d.Close()
		if err := unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, 0); err != nil {
			t.Error(err)
		}
	})
}
