package stats

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/internal/clip"
)

// Failure is something that went wrong, once or again and again.
type Failure struct {
	Step        string    // as in "output.s3"
	Class       string    // see engine.ClassOf
	Text        string    // of the latest
	Cause       string    // the same with what is wrong first and without the names of objects, for where a text is cut off
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

// causeOf puts what is wrong in front. Errors begin with what was tried, and the name of a batch's object alone fills a line.
func causeOf(text string) string {
	short := withoutNames(text, true)
	tried, cause, found := strings.Cut(short, ": ")
	if !found || !strings.Contains(tried, "…") {
		return short
	}
	return cause + " (" + tried + ")"
}

// likeness is the text without what is different each time. A path whose last part is a batch's is left out as a whole: in it, the day and the
// partition are the batch's as well, and a hundred partitions would hide every other trouble.
func likeness(text string) string {
	return particular.ReplaceAllString(withoutNames(text, false), "…")
}

// withoutNames leaves out paths that are a batch's. An address may be kept, which says where the trouble is.
func withoutNames(text string, keepAddress bool) string {
	return path.ReplaceAllStringFunc(text, func(name string) string {
		if keepAddress && strings.Contains(name, "://") {
			return name
		}
		if particular.MatchString(name[strings.LastIndexByte(name, '/'):]) {
			return "…"
		}
		return name
	})
}

func (f *failures) add(e engine.Event, now time.Time) {
	text, class := e.Err.Error(), engine.ClassOf(e.Err)
	looked := text[:min(len(text), likenessMost)]
	like, cause := likeness(looked), clip.To(causeOf(looked), textMost)
	text = clip.To(text, textMost)
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.seen, func(old *failed) bool { return old.Step == e.Plugin && old.Class == class && old.like == like })
	one := &failed{Failure: Failure{Step: e.Plugin, First: now}, like: like}
	if i >= 0 {
		one = f.seen[i]
		f.seen = slices.Delete(f.seen, i, i+1)
	}
	one.Class, one.Text, one.Cause, one.Last = class, text, cause, now
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
