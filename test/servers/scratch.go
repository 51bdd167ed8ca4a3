package servers

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// shareDir is the folder of this user's locks and scratch folders.
func shareDir() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("logpipe-servers-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder for test servers: %w", err)
	}
	return dir, nil
}

// scratch is a temporary folder that is known to be in use while its lock is
// held. What a killed process left behind is removed by the next one.
type scratch struct {
	path string
	held *os.File
}

// newScratch makes a folder whose name begins with name.
func newScratch(name string) (*scratch, error) {
	share, err := shareDir()
	if err != nil {
		return nil, err
	}
	// One process at a time sweeps and makes folders, so that no folder is
	// swept between being made and being locked.
	all, err := lock(filepath.Join(share, "scratch.lock"), true)
	if err != nil {
		return nil, err
	}
	defer all.Close()
	sweep(share)
	dir, err := os.MkdirTemp(share, name+"-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	held, err := lock(filepath.Join(dir, "lock"), false)
	if err != nil {
		return nil, err
	}
	return &scratch{path: dir, held: held}, nil
}

// sweep removes the scratch folders that nobody holds any more. A folder that
// cannot be removed is left to the next sweep.
func sweep(share string) {
	locks, _ := filepath.Glob(filepath.Join(share, "*", "lock"))
	for _, path := range locks {
		if held, err := lock(path, false); err == nil {
			os.RemoveAll(filepath.Dir(path))
			held.Close()
		}
	}
}

// join names a file in the folder.
func (s *scratch) join(names ...string) string {
	return filepath.Join(append([]string{s.path}, names...)...)
}

// name is the last part of the path, unlike that of any other folder.
func (s *scratch) name() string { return filepath.Base(s.path) }

// close removes the folder.
func (s *scratch) close() error {
	err := os.RemoveAll(s.path)
	s.held.Close()
	return err
}

// randomHex is for names and passwords: 2n digits.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
