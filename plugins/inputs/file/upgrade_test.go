package file

import "testing"

// Who upgrades has files on the disk that the version before left in the middle, with its notes.
func TestReadsOnWhatTheFirstReleaseLeft(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log.20260102T150405.000000000Z.reading", "one\ntwo\nthree\n")
	write(t, dir+"/a.log.20260102T150405.000000000Z.reading.done", "\n4;\n\n8;\n\n1")
	in, l := opened(t, nil, dir+"/*.log")
	wantLines(t, in, "three")
	wantNames(t, dir, "a.log.delivered")
	if l.String() != "" {
		t.Errorf("log: %s", l)
	}
}

// What programs write beside their files until they are done is theirs: rsync and editors rename it then, and would find it gone.
func TestDotFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".a.log.Xy12Zz", "a.log", ".b.log.20260102T150405.000000000Z.reading"} {
		write(t, dir+"/"+name, name+"\n")
	}
	in, _ := opened(t, nil, dir+"/*")
	wantLines(t, in, "a.log")
	in.Close(t.Context())
	named, _ := opened(t, nil, dir+"/.a*")
	wantLines(t, named, ".a.log.Xy12Zz")
	for pattern, want := range map[string]bool{
		"/x/*.log": true, "/x/.*.log": false, `/x/\.*.log`: false, "/x/?a.log": true, "/x/[.]a.log": true,
	} {
		if got := hidden(pattern, "/x/.a.log"); got != want {
			t.Errorf("%s: hidden is %v", pattern, got)
		}
	}
	if !hidden("/*/a.log", "/.x/a.log") || hidden("/.x/*", "/.x/a.log") {
		t.Error("folders whose names begin with a dot")
	}
}
