package linefile

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asked is what WritersOf says of a file.
func asked(t *testing.T, path string) Writers {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return WritersOf(f)
}

// Who is not seen here loses what it writes next: its file is read to the end, and removed.
func TestWritersOf(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no leases")
	}
	path := filepath.Join(t.TempDir(), "a.log")
	write(t, path, "x\n")
	want := func(who string, want Writers) {
		t.Helper()
		if got := asked(t, path); got != want {
			t.Errorf("%s: %v, want %v", who, got, want)
		}
	}
	want("nobody", NoWriter)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	want("a reader", NoWriter)

	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	want("a writer", OpenWriter)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	path += ".1"
	want("a writer after a rename", OpenWriter)
	f.Close()
	want("a writer that closed", NoWriter)

	if f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, 2, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	want("a program that mapped it", OpenWriter)
	if err := unix.Munmap(mapped); err != nil {
		t.Fatal(err)
	}

	if f, err = OpenAppend(path, 0o644); err != nil {
		t.Fatal(err)
	}
	Announce(f)
	want("a writer that takes the lock", LockingWriter)
	if ok, err := TryLock(f); !ok || err != nil {
		t.Errorf("the mark keeps the lock away: %v, %v", ok, err)
	}
	f.Close()
	want("nobody any more", NoWriter)
}

// A question must never fail a program that opens the file at that moment, nor a lease stay behind, which would let it wait for 45 s.
func TestWritersOfDisturbsNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	write(t, path, "x\n")
	done := make(chan error, 1)
	go func() {
		for range 2000 {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				done <- err
				return
			}
			f.Close()
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
			asked(t, path)
		}
	}
}
