package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// find lists the files that a pattern stands for: new ones, and those that an earlier life claimed. why says what people
// should know.
func find(pattern string) (paths []string, why string) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err.Error()
	}
	literal := !strings.ContainsAny(pattern, `*?[\`)
	for _, path := range matches {
		st, err := os.Lstat(path)
		switch {
		case err != nil: // gone since
		case hidden(pattern, path):
		case st.Mode().IsRegular() && st.Size() > 0 && (literal || !linefile.Reserved(path)):
			paths = append(paths, path)
		case literal && st.IsDir():
			why = "path is a folder: name the files in it, as in a pattern that ends in /*.log"
		case st.Mode()&fs.ModeSymlink != 0:
			why = "path is a symbolic link, and is left alone: name the file that it leads to"
		}
	}
	if literal && len(matches) == 0 {
		why = "there is no such file"
	}
	claims, _ := filepath.Glob(pattern + ".*" + linefile.Reading)
	for _, path := range claims {
		original := linefile.Original(path)
		if matched, _ := filepath.Match(pattern, original); matched && !hidden(pattern, original) {
			paths = append(paths, path)
		}
	}
	return paths, why
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

// order puts what an earlier life left in the middle in front: it is older than the rest.
func order(path string) int {
	if linefile.Original(path) != "" {
		return 0
	}
	return 1
}

// removeOrphans removes the notes whose claim is gone.
func removeOrphans(pattern string) {
	lists, _ := filepath.Glob(pattern + ".*" + linefile.Reading + linefile.Done)
	for _, list := range lists {
		if linefile.Original(strings.TrimSuffix(list, linefile.Done)) != "" {
			linefile.RemoveOrphans([]string{list})
		}
	}
}
