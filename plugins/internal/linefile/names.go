package linefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The ends of names that logpipe gives to files. A file input leaves them alone, so that a pattern such as "*" does not
// find what it has read already.
const (
	Reading   = ".reading"   // claimed by a file input
	Delivered = ".delivered" // read, and settled to the last line
	Failed    = ".failed"    // could not be read to its end
	Done      = ".done"      // what of a fallback file came home
	Corrupt   = ".corrupt"   // a fallback file with a part that could not be read
	Partial   = ".partial"   // what was cut off the end of a file
)

// Reserved reports whether the file's name has one of these ends.
func Reserved(path string) bool {
	switch filepath.Ext(path) {
	case Reading, Delivered, Failed, Done, Corrupt, Partial:
		return true
	}
	return false
}

// stampLayout has a fixed width, so that names sort by time.
const stampLayout = "20060102T150405.000000000Z"

// Rotated is a new name for the file at path, with the time in front of the extension: app.ndjson.gz becomes
// app.20260102T150405.000000000Z.ndjson.gz. Call it, and rename, only while the file's lock is held: then no other process
// can choose the same name.
func Rotated(path string) string {
	before, after := split(path)
	return fresh(before, after)
}

// Claimed is a new name for the file at path while a file input reads it, under the same rule as Rotated.
func Claimed(path string) string { return fresh(path+".", Reading) }

// RotatedFiles lists the files that Rotated named after path, oldest first.
func RotatedFiles(path string) ([]string, error) {
	before, after := split(path)
	return stamped(before, after)
}

// DoneFiles lists the files that note what of a rotated one came home.
func DoneFiles(path string) ([]string, error) {
	before, after := split(path)
	return stamped(before, after+Done)
}

// Original is the name that a file had before Claimed named it, "" when it did not.
func Original(path string) string {
	rest, ok := strings.CutSuffix(path, Reading)
	if !ok {
		return ""
	}
	// The stamp has a dot itself: its fraction of a second.
	i := strings.LastIndexByte(rest, '.')
	if i < 0 {
		return ""
	}
	if i = strings.LastIndexByte(rest[:i], '.'); i < 0 || !isStamp(rest[i+1:]) {
		return ""
	}
	return rest[:i]
}

// split takes path apart where the time goes.
func split(path string) (before, after string) {
	packed := ""
	for _, ext := range []string{".gz", ".zst"} {
		if rest, ok := strings.CutSuffix(path, ext); ok {
			path, packed = rest, ext
			break
		}
	}
	ext := filepath.Ext(path)
	if ext == filepath.Base(path) { // a name such as .log has no extension
		ext = ""
	}
	return strings.TrimSuffix(path, ext) + ".", ext + packed
}

func fresh(before, after string) string {
	stamp := time.Now().UTC().Format(stampLayout)
	name := before + stamp + after
	for i := 1; ; i++ {
		// Any other error shows again at the rename. A list that an earlier file of that name has left would be believed.
		if _, err := os.Lstat(name); err != nil && !exists(name+Done) {
			return name
		}
		name = before + stamp + "-" + strconv.Itoa(i) + after
	}
}

func stamped(before, after string) ([]string, error) {
	dir, prefix := filepath.Split(before)
	if dir == "" {
		dir = "."
	}
	var stamps []string
	err := EachName(dir, func(name string) {
		rest, begins := strings.CutPrefix(name, prefix)
		if stamp, ends := strings.CutSuffix(rest, after); begins && ends && isStamp(stamp) {
			stamps = append(stamps, stamp)
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(stamps, compareStamps)
	for i, stamp := range stamps {
		stamps[i] = before + stamp + after
	}
	return stamps, nil
}

// EachName calls see with the name of each file in a folder, of which there may be millions that are none of ours.
func EachName(dir string, see func(name string)) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(1000)
		for _, name := range names {
			see(name)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// compareStamps puts "-10" behind "-9".
func compareStamps(a, b string) int {
	if c := strings.Compare(a[:len(stampLayout)], b[:len(stampLayout)]); c != 0 {
		return c
	}
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func isStamp(s string) bool {
	if len(s) < len(stampLayout) {
		return false
	}
	s, counter := s[:len(stampLayout)], s[len(stampLayout):]
	if _, err := time.Parse(stampLayout, s); err != nil {
		return false
	}
	if counter == "" {
		return true
	}
	n, err := strconv.Atoi(counter)
	return err == nil && n < 0 && counter[0] == '-'
}
