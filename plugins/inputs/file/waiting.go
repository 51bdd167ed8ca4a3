package file

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
)

// openLong is how long a program may have a file open before that is a warning: its logs are not read, and somebody may have forgotten
// to rotate them.
const openLong = time.Hour

// waiting is what is known of the files that are not ready, from one look through all files to the next. Only those are kept by name that
// programs have open or whose times lie ahead: of others there may be any number. Read alone touches it.
type waiting struct {
	look   int
	open   map[string]*seen
	ahead  map[string]*seen // files whose times lie ahead
	others int              // of this look
	other  *notReady        // the one of them that is ready first
	of     string           // its name
	told   bool             // that files have to grow old
}

// seen is a file as a look has found it.
type seen struct {
	look     int
	since    time.Time // it is so
	size     int64
	modified time.Time
	said     bool
	warned   bool
}

// begin is called before a look.
func (w *waiting) begin() {
	w.look++
	w.others, w.other, w.of = 0, nil, ""
	if w.open == nil {
		w.open, w.ahead = map[string]*seen{}, map[string]*seen{}
	}
}

// add notes that a file is not ready.
func (w *waiting) add(name string, why *notReady) {
	if why.why == errOpen {
		if w.open[name] == nil {
			w.open[name] = &seen{since: time.Now()}
		}
		w.open[name].look = w.look
		return
	}
	w.others++
	if w.other == nil || why.wait < w.other.wait {
		w.other, w.of = why, name
	}
}

// unchanged is since when a file was seen as it is now.
func (w *waiting) unchanged(name string, st os.FileInfo) time.Time {
	s := w.ahead[name]
	if s == nil || s.size != st.Size() || !s.modified.Equal(st.ModTime()) {
		s = &seen{since: time.Now(), size: st.Size(), modified: st.ModTime()}
		w.ahead[name] = s
	}
	s.look = w.look
	return s.since
}

// end is called after a look: it forgets what is not so any more.
func (w *waiting) end() {
	for _, list := range []map[string]*seen{w.open, w.ahead} {
		maps.DeleteFunc(list, func(_ string, s *seen) bool { return s.look != w.look })
	}
}

// next is when the first file is ready that only has to stay as it is.
func (w *waiting) next() (wait time.Duration, ok bool) {
	if w.other == nil {
		return 0, false
	}
	return w.other.wait, true
}

// report tells people, after a look, what waits for how long. A file is said when it is found open, and when it stays so; files that have to
// grow old are said once.
func (in *input) report() {
	w := &in.waiting
	var found, long []string
	for name, s := range w.open {
		age := time.Since(s.since)
		switch {
		case !s.said:
			s.said = true
			found = append(found, name)
		case age >= openLong && !s.warned:
			s.warned = true
			long = append(long, name)
		}
	}
	if len(found) > 0 {
		in.log.Info("files are left until the programs that have them open for writing close them", "files", len(found), "path", slices.Min(found))
	}
	if len(long) > 0 {
		in.log.Warn("files have been open for writing for so long, and are not read until their programs close them: rotate them, or have them closed",
			"files", len(long), "path", slices.Min(long), "for", openLong)
	}
	if w.other != nil && errors.Is(w.other, errYoung) && !w.told {
		w.told = true
		in.log.Info("the system does not say whether programs have files open for writing, so files are read when their last change is so old",
			"min_age", in.cfg.MinAge, "files", w.others, "path", w.of)
	}
}

// mostNamed is how many files an error names that were left.
const mostNamed = 10

// left is what the end of a finite input says of files that are not ready.
func (w *waiting) left() (why []error) {
	names := slices.Sorted(maps.Keys(w.open))
	for _, name := range names[:min(len(names), mostNamed)] {
		why = append(why, fmt.Errorf("%s: %w", name, errOpen))
	}
	if more := len(names) - mostNamed; more > 0 {
		why = append(why, fmt.Errorf("and %d more files are open for writing", more))
	}
	if w.other != nil {
		why = append(why, fmt.Errorf("%s: %w", w.of, w.other))
	}
	if w.others > 1 {
		why = append(why, fmt.Errorf("and %d more files were left for such reasons", w.others-1))
	}
	return why
}
