// Package linefiletest watches what is durable: a model of a disk that keeps, at a power failure, only what was fsynced.
package linefiletest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// Disk knows of each file how much of it is durable, and of each folder which names.
type Disk struct {
	mu    sync.Mutex
	sizes map[uint64]int64             // inode → bytes
	names map[uint64]map[string]uint64 // inode of a folder → name → inode
	fail  error
}

// Watch puts a Disk behind linefile.Fsync until the test ends. What is in root already is durable.
func Watch(t testing.TB, root string) *Disk {
	t.Helper()
	d := &Disk{sizes: map[uint64]int64{}, names: map[uint64]map[string]uint64{}}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		f, ferr := os.Open(path)
		if err = errors.Join(err, ferr); err == nil {
			err = errors.Join(d.sync(f), f.Close())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	was := linefile.Fsync
	linefile.Fsync = d.sync
	t.Cleanup(func() { linefile.Fsync = was })
	return d
}

// Fail makes every fsync fail with err, until it is nil.
func (d *Disk) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = err
}

func (d *Disk) sync(f *os.File) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.IsDir() {
		d.sizes[inode(st)] = st.Size()
		return nil
	}
	names, err := list(f.Name())
	d.names[inode(st)] = names
	return err
}

func list(dir string) (map[string]uint64, error) {
	entries, err := os.ReadDir(dir)
	names := map[string]uint64{}
	for _, e := range entries {
		st, err := e.Info()
		if err != nil {
			return nil, err
		}
		names[e.Name()] = inode(st)
	}
	return names, err
}

func inode(st fs.FileInfo) uint64 { return st.Sys().(*syscall.Stat_t).Ino }

// WantDurable says what in root, and in the folders in it, a power failure at this moment would change. Lists of what is home may come
// back without their file: they are removed later.
func (d *Disk) WantDurable(t testing.TB, root string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := e.Info()
		if err != nil {
			return err
		}
		if !st.IsDir() {
			if d.sizes[inode(st)] != st.Size() {
				t.Errorf("%s has %d bytes, of which %d are durable", path, st.Size(), d.sizes[inode(st)])
			}
			return nil
		}
		d.wantNames(t, path, inode(st))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func (d *Disk) wantNames(t testing.TB, dir string, ino uint64) {
	t.Helper()
	now, err := list(dir)
	if err != nil {
		t.Error(err)
	}
	durable := d.names[ino]
	for name, ino := range now {
		if durable[name] != ino {
			t.Errorf("the name %s is not durable in %s", name, dir)
		}
	}
	for name := range durable {
		if now[name] == 0 && !strings.HasSuffix(name, linefile.Done) {
			t.Errorf("the removal of %s is not durable in %s", name, dir)
		}
	}
}
