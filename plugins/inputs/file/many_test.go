package file

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// A look that kept only the first files of a folder would never come to the others where the first cannot be read.
func TestMoreFilesThanAreKeptAtOnce(t *testing.T) {
	dir := t.TempDir()
	const open, closed = windowSize / 2, windowSize + 10
	var want []string
	for i := range closed {
		write(t, fmt.Sprintf("%s/b%05d.log", dir, i), fmt.Sprintf("%d\n", i))
		want = append(want, fmt.Sprint(i))
	}
	for i := range open { // hard links to one file that is open, in front of the others
		name := fmt.Sprintf("%s/a%05d.log", dir, i)
		if i == 0 {
			create(t, name).say("x\n")
		} else if err := os.Link(fmt.Sprintf("%s/a%05d.log", dir, 0), name); err != nil {
			t.Fatal(err)
		}
	}
	in, _ := opened(t, func(c *Config) { c.OnDelivered, c.MinAge, c.PollInterval = remove, 0, time.Hour }, dir+"/*.log")
	wantEqual(t, polls(t, in, 2*time.Minute, closed), want)
	if list := names(t, dir); len(list) != open || slices.Contains(list, "b00000.log") {
		t.Errorf("%d files are left", len(list))
	}
}
