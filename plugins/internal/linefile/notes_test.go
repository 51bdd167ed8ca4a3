package linefile

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// spansOf reads a list.
func spansOf(t *testing.T, list string) map[int64]int64 {
	t.Helper()
	claim := filepath.Join(t.TempDir(), "app.log.20240506T120000.000000000Z.reading")
	write(t, claim+Done, list)
	n, err := openNotes(claim, nil)
	if err != nil {
		t.Fatal(err)
	}
	return n.spans
}

// Who upgrades has lists on the disk. One that is not understood repeats all that its file has already given; one that is
// misunderstood loses what it has not.
func TestListsOfTheFirstRelease(t *testing.T) {
	for list, want := range map[string]map[int64]int64{
		"\n2048;\n\n4096;\n":                   {0: 4096},                    // of a file input
		"\n2048;\n\n40":                        {0: 2048},                    // cut off by a crash
		"\n2048;\n\n40\n4096;\n":               {0: 4096},                    // and gone on with
		"\n0-120;\n\n340-500;\n120-340;\n":     {0: 120, 340: 500, 120: 340}, // of a fallback
		"\n0-120;\n\n340-50":                   {0: 120},
		"":                                     {},
		"\n4096;\n\n0-5000;\n\n0-6000;\n":      {0: 6000}, // begun by the first release, gone on with by this one
		"\n0-5000;\n\n4096;\n":                 {0: 5000},
		"\n5-5;\n-3;\n3-;\n0x10;\n7-6;\n 9;\n": {},
		strings.Repeat("9", 10_000) + "7;\n":   {}, // a foreign file
		"\n99999999999999999999;\n":            {},
	} {
		if got := spansOf(t, list); !maps.Equal(got, want) {
			t.Errorf("%.40q is %v, want %v", list, got, want)
		}
	}
}

// What is written is what is read, also behind a line that a full disk cut off.
func TestNotes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	write(t, path, "x")
	c := take(t, path)
	c.Notes.Add(Span{0, 10}, Span{30, 50})
	c.Notes.Sync()
	if len(c.Notes.owed) > 0 {
		t.Error("what is durable is owed")
	}
	fmt.Fprint(c.Notes.f, "\n50-6")
	c.Notes.Add(Span{50, 60})
	c.Notes.Sync()
	c.Close()
	n, err := openNotes(c.Path, nil)
	if want := map[int64]int64{0: 10, 30: 50, 50: 60}; err != nil || !maps.Equal(n.spans, want) {
		t.Errorf("%v, %v", n.spans, err)
	}
}

// A prefix that grows takes one entry, however often it cannot be written.
func TestAPrefixIsOwedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "x")
	c := take(t, path)
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	c.Notes.f = closed // each write fails
	for i := range int64(100) {
		c.Notes.Add(Span{0, i + 1})
		c.Notes.Write()
	}
	if to, ok := c.Notes.End(0); len(c.Notes.owed) != 1 || to != 100 || !ok {
		t.Errorf("owed: %v; settled up to %d", c.Notes.owed, to)
	}
	c.Close()
	// Who takes files for the same reader knows of it, and nobody else can.
	for of, want := range map[*Claims]int64{c.of: 100, claims(): 0} {
		again, err := of.TakeOver(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		if to, _ := again.Notes.End(0); to != want {
			t.Errorf("settled up to %d, want %d", to, want)
		}
		again.Close()
	}
}

// A list that is there and cannot be read says nothing: all of its file would come again, without a word.
func TestListThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "x")
	c := take(t, path)
	c.Close()
	if err := os.Mkdir(c.Path+Done, 0o755); err != nil {
		t.Fatal(err)
	}
	if again, err := claims().TakeOver(c.Path); again != nil || err == nil || !strings.Contains(err.Error(), "read what of") {
		t.Errorf("%v, %v", again, err)
	}
}

// A list without a file is left by a crash between two removals. A new claim must not get its name, and so its list.
func TestOrphans(t *testing.T) {
	dir := t.TempDir()
	there, gone := filepath.Join(dir, "there"), filepath.Join(dir, "gone")
	write(t, there, "x")
	for _, claim := range []string{there, gone} {
		write(t, claim+Done, "\n0-1;\n")
	}
	RemoveOrphans([]string{there + Done, gone + Done})
	if !exists(there+Done) || exists(gone+Done) {
		t.Error("removed the list of a file that is there, or not the other one")
	}
}
