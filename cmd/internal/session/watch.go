package session

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/oklog/run"

	"github.com/logpipe/logpipe/engine/config"
)

// WatchEvery is how often the files are looked at. A change counts when two looks in a row see the same: an editor may write a file in parts.
const WatchEvery = time.Second

// addWatch asks for a reload when the files change. It looks at contents and not at events: a rename, the swap of the link
// ..data in a Kubernetes config map, and a folder on a network's file system all come out the same, and nothing is written anywhere.
func (s *session) addWatch(group *run.Group) {
	ctx, stop := context.WithCancel(context.Background())
	seen := Fingerprints(s.watched())
	group.Add(func() error {
		Watch(ctx, WatchEvery, seen, func() map[string]string { return Fingerprints(s.watched()) }, s.askReload)
		return nil
	}, func(error) { stop() })
}

// Watch calls changed when what look sees is new, and the same twice in a row.
func Watch(ctx context.Context, every time.Duration, seen map[string]string, look func() map[string]string, changed func()) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for last := seen; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := look()
		if settled := !differ(last, now); settled && differ(seen, now) {
			changed()
			seen = now
		} else if settled {
			seen = now // with the paths that a reload brought in
		}
		last = now
	}
}

// differ reports whether a file of both is another one. A path that only one of them has came or went by a reload, which is no reason for one.
func differ(a, b map[string]string) bool {
	for path, sum := range a {
		if other, ok := b[path]; ok && other != sum {
			return true
		}
	}
	return false
}

// watched is what the process was started with, and what its pipelines read beside it.
func (s *session) watched() []string {
	all := append(slices.Clone(s.files), s.flags.envFiles...)
	for _, m := range s.fleet.members() {
		all = append(all, m.config.Reads()...)
	}
	return all
}

// Fingerprints tell the contents of files, and of the *.hcl files of folders with their names.
func Fingerprints(paths []string) map[string]string {
	sums := map[string]string{}
	for _, path := range paths {
		h := sha256.New()
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			entries, _ := os.ReadDir(path) // what cannot be read is said by the reload
			for _, e := range entries {
				if filepath.Ext(e.Name()) == ".hcl" && !config.IsTestFile(e.Name()) {
					hashFile(h, filepath.Join(path, e.Name()))
				}
			}
		} else {
			hashFile(h, path)
		}
		sums[path] = string(h.Sum(nil))
	}
	return sums
}

// hashFile adds a file's name and contents. One that is not there differs from one that is empty.
func hashFile(w io.Writer, path string) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		fmt.Fprintf(w, "%q is no file\n", path)
		return
	}
	f, err := os.Open(path)
	if err != nil {
		fmt.Fprintf(w, "%q is closed\n", path)
		return
	}
	defer f.Close()
	inner := sha256.New()
	_, _ = io.Copy(inner, io.LimitReader(f, config.MaxFile+1)) // likewise
	fmt.Fprintf(w, "%q %x\n", path, inner.Sum(nil))
}
