package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// windowSize is how many paths are kept at once. A folder may have millions of files: then it is listed again for the next ones, which
// costs less than what is done with these.
const windowSize = 4096

// window is the part of all paths that comes next: those behind the last one of the window before.
type window struct {
	after string // keys, see keyOf
	until string // "": as far as there is anything
	keys  []string
}

// keyOf puts what an earlier life left in the middle in front: it is older than the rest.
func keyOf(path string) string {
	if linefile.Original(path) != "" {
		return "0" + path
	}
	return "1" + path
}

// wants reports whether a path belongs into the window.
func (w *window) wants(path string) bool {
	key := keyOf(path)
	return key > w.after && (w.until == "" || key < w.until)
}

func (w *window) add(path string) {
	if w.keys = append(w.keys, keyOf(path)); len(w.keys) >= 2*windowSize {
		w.cut()
	}
}

func (w *window) cut() {
	slices.Sort(w.keys)
	w.keys = slices.Compact(w.keys)
	if len(w.keys) > windowSize {
		w.until = w.keys[windowSize]
		clear(w.keys[windowSize:])
		w.keys = w.keys[:windowSize]
	}
}

// find adds the files that a pattern stands for: new ones, and those that an earlier life claimed. It removes notes whose claim is
// gone. why says what people should know.
func (w *window) find(pattern string) (why string) {
	before, base := filepath.Split(pattern)
	folders := []string{filepath.Clean(before)}
	if strings.ContainsAny(before, magic) {
		folders, _ = filepath.Glob(filepath.Clean(before)) // Validate has found what is no pattern
	}
	literal, there := !strings.ContainsAny(pattern, magic), false
	for _, folder := range folders {
		_ = linefile.EachName(folder, func(name string) { // a folder that cannot be listed has no files, as for Glob
			path := filepath.Join(folder, name)
			if is, _ := filepath.Match(base, name); is {
				there = true
				why = max(why, w.see(pattern, path, literal))
			}
			claim, notes := strings.CutSuffix(path, linefile.Done)
			original := linefile.Original(claim)
			if is, _ := filepath.Match(base, filepath.Base(original)); !is || original == "" {
				return
			}
			if notes {
				linefile.RemoveOrphans([]string{path})
			} else if w.wants(path) && !hidden(pattern, original) {
				w.add(path)
			}
		})
	}
	if literal && !there {
		why = "there is no such file"
	}
	return why
}

const magic = `*?[\`

// see adds a file that has a name as in the pattern, if it is one to be read.
func (w *window) see(pattern, path string, literal bool) (why string) {
	if !w.wants(path) || hidden(pattern, path) {
		return ""
	}
	st, err := os.Lstat(path)
	switch {
	case err != nil: // gone since
	case st.Mode().IsRegular() && st.Size() > 0 && (literal || !linefile.Reserved(path)):
		w.add(path)
	case literal && st.IsDir():
		return "path is a folder: name the files in it, as in a pattern that ends in /*.log"
	case st.Mode()&fs.ModeSymlink != 0:
		return "path is a symbolic link, and is left alone: name the file that it leads to"
	}
	return ""
}

// hidden reports whether a step of path begins with a dot where the pattern's step does not: such files are passed over as shells do,
// because programs write them that are not done yet, and rename them then.
func hidden(pattern, path string) bool {
	steps := strings.Split(filepath.Clean(pattern), string(filepath.Separator))
	for i, step := range strings.Split(filepath.Clean(path), string(filepath.Separator)) {
		if strings.HasPrefix(step, ".") && i < len(steps) && !strings.HasPrefix(strings.TrimPrefix(steps[i], `\`), ".") {
			return true
		}
	}
	return false
}
