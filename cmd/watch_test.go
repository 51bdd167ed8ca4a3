package cmd

import (
	"context"
	"github.com/logpipe/logpipe/cmd/internal/session"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A change that is not seen leaves the old configuration running; one that is seen in the middle of a save is refused for nothing.
func TestWatchSees(t *testing.T) {
	put := func(t *testing.T, name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	swap := func(t *testing.T, to, link string) {
		t.Helper()
		if err := os.Symlink(to, link+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		watched string
		change  func(t *testing.T, dir string)
		want    int
	}{
		"nothing":          {"a.hcl", func(*testing.T, string) {}, 0},
		"a touch":          {"a.hcl", func(t *testing.T, dir string) { put(t, filepath.Join(dir, "a.hcl"), "one") }, 0},
		"a write":          {"a.hcl", func(t *testing.T, dir string) { put(t, filepath.Join(dir, "a.hcl"), "two") }, 1},
		"a rename":         {"a.hcl", func(t *testing.T, dir string) { rewrite(t, filepath.Join(dir, "a.hcl"), "two") }, 1},
		"a removal":        {"a.hcl", func(_ *testing.T, dir string) { os.Remove(filepath.Join(dir, "a.hcl")) }, 1},
		"a config map":     {"mounted.hcl", func(t *testing.T, dir string) { swap(t, "v2", filepath.Join(dir, "..data")) }, 1},
		"a folder gains":   {".", func(t *testing.T, dir string) { put(t, filepath.Join(dir, "b.hcl"), "new") }, 1},
		"a folder's other": {".", func(t *testing.T, dir string) { put(t, filepath.Join(dir, "notes.txt"), "new") }, 0},
		"a save in parts": {"a.hcl", func(t *testing.T, dir string) {
			for _, part := range []string{"t", "tw", "two"} {
				put(t, filepath.Join(dir, "a.hcl"), part)
				time.Sleep(session.WatchEvery)
			}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, "a.hcl"), "one")
			for version, text := range map[string]string{"v1": "one", "v2": "two"} {
				if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
					t.Fatal(err)
				}
				put(t, filepath.Join(dir, version, "mounted.hcl"), text)
			}
			swap(t, "v1", filepath.Join(dir, "..data"))
			swap(t, "..data/mounted.hcl", filepath.Join(dir, "mounted.hcl"))
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				path, times := filepath.Join(dir, tt.watched), 0
				look := func() map[string]string { return session.Fingerprints([]string{path}) }
				done := make(chan struct{})
				seen := look()
				go func() {
					session.Watch(ctx, session.WatchEvery, seen, look, func() { times++ })
					close(done)
				}()
				time.Sleep(session.WatchEvery / 2)
				tt.change(t, dir)
				time.Sleep(10 * session.WatchEvery)
				stop()
				<-done
				if times != tt.want {
					t.Errorf("%d changes are seen, want %d", times, tt.want)
				}
			})
		})
	}
}
