package stats

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Failure is something that went wrong, once or again and again.
type Failure struct {
	Step        string    // as in "output.s3"
	Class       string    // see engine.ClassOf
	Text        string    // of the latest
	Count       int64     // how often
	First, Last time.Time // when it was seen
}

// How many different ones are kept, and how long their texts are at most, in bytes.
const (
	failuresMost = 20
	textMost     = 500
)

// failures keeps the latest ones, each once.
type failures struct {
	mu   sync.Mutex
	seen []*failed // the newest last
}

type failed struct {
	Failure
	like string
}

// What is different in each text of one trouble: names of batches, numbers, times.
var particular = regexp.MustCompile(`[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]{3,}|[0-9]{4,}`)

// path is a word with slashes, such as the name of an object.
var path = regexp.MustCompile(`[^\s"'()]+/[^\s"'()]+`)

// likenessMost is how much of a text is looked at: a store takes names of objects up to a kilobyte.
const likenessMost = 2000

// likeness is the text without what is different each time. A path whose last part is a batch's is left out as a whole: in it, the day and the
// partition are the batch's as well, and a hundred partitions would hide every other trouble.
func likeness(text string) string {
	text = path.ReplaceAllStringFunc(text, func(name string) string {
		if particular.MatchString(name[strings.LastIndexByte(name, '/'):]) {
			return "…"
		}
		return name
	})
	return particular.ReplaceAllString(text, "…")
}

func (f *failures) add(e engine.Event, now time.Time) {
	text, class := e.Err.Error(), engine.ClassOf(e.Err)
	like := likeness(text[:min(len(text), likenessMost)])
	if len(text) > textMost {
		text = text[:textMost] + "…"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.seen, func(old *failed) bool { return old.Step == e.Plugin && old.Class == class && old.like == like })
	one := &failed{Failure: Failure{Step: e.Plugin, First: now}, like: like}
	if i >= 0 {
		one = f.seen[i]
		f.seen = slices.Delete(f.seen, i, i+1)
	}
	one.Class, one.Text, one.Last = class, text, now
	one.Count++
	if f.seen = append(f.seen, one); len(f.seen) > failuresMost {
		f.seen = slices.Delete(f.seen, 0, 1)
	}
}

func (f *failures) all() (all []Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range slices.Backward(f.seen) {
		all = append(all, one.Failure)
	}
	return all
}

// classes counts by class. Classes are few: they are constants of the code.
type classes struct {
	mu sync.Mutex
	n  map[string]int64
}

// know begins to count classes, at 0.
func (c *classes) know(lists ...[]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = map[string]int64{}
	for _, class := range slices.Concat(lists...) {
		c.n[class] = 0
	}
}

func (c *classes) add(class string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int64{}
	}
	c.n[class]++
}

func (c *classes) all() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.n)
}
