package redact

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// The corpus is testdata/corpus: lines as programs write them, one a line, with each secret between « and ». All presets look at each line.
// What is here is kept: a change that loses a secret, or takes away what people need their logs for, fails. Who finds a line that leaks adds it.
const (
	leastRecall    = 0.995 // secrets of which no byte is left
	leastPrecision = 0.985 // hits in which there is a secret
	mostLost       = 0.005 // bytes that are hidden with them, of those that should stay
)

// score counts what became of the secrets of some lines.
type score struct {
	lines, secrets, gone, hits, right, stay, lost int
}

func (s *score) add(o score) {
	s.lines, s.secrets, s.gone, s.hits = s.lines+o.lines, s.secrets+o.secrets, s.gone+o.gone, s.hits+o.hits
	s.right, s.stay, s.lost = s.right+o.right, s.stay+o.stay, s.lost+o.lost
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

func (s score) String() string {
	return fmt.Sprintf("%4d lines, %4d secrets, recall %.3f, precision %.3f, %.4f of the rest lost", s.lines, s.secrets, share(s.gone, s.secrets), share(s.right, s.hits), float64(s.lost)/float64(max(s.stay, 1)))
}

// unmark returns a line of the corpus without its marks, and where the secrets are.
func unmark(line string) (text string, secrets []jsonscan.Span) {
	for {
		before, rest, ok := strings.Cut(line, "«")
		text += before
		if !ok {
			return text, secrets
		}
		secret, after, _ := strings.Cut(rest, "»")
		secrets = append(secrets, jsonscan.Span{From: len(text), To: len(text) + len(secret)})
		text, line = text+secret, after
	}
}

// rate compares hits with the secrets of a text.
func rate(text string, secrets []jsonscan.Span, hits []hit) (s score) {
	hidden := make([]bool, len(text))
	for _, h := range hits {
		for i := h.From; i < h.To; i++ {
			hidden[i] = true
		}
	}
	secret := make([]bool, len(text))
	s.lines, s.secrets, s.hits = 1, len(secrets), len(hits)
	for _, span := range secrets {
		all := true
		for i := span.From; i < span.To; i++ {
			secret[i] = true
			all = all && hidden[i]
		}
		if all {
			s.gone++
		}
	}
	for i := range text {
		if !secret[i] {
			s.stay++
			if hidden[i] {
				s.lost++
			}
		}
	}
	for _, h := range hits {
		for i := h.From; i < h.To; i++ {
			if secret[i] {
				s.right++
				break
			}
		}
	}
	return s
}

func TestCorpus(t *testing.T) {
	c := with(func(c *Config) { c.Preset = presetNames() })
	patterns, err := c.compile()
	if err != nil {
		t.Fatal(err)
	}
	f := newFinder(patterns)
	files, err := filepath.Glob("testdata/corpus/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	var all score
	for _, name := range files {
		var one score
		for _, line := range corpusLines(t, name) {
			text, secrets := unmark(line)
			s := rate(text, secrets, f.find([]byte(text)))
			if s.gone < s.secrets {
				t.Logf("%s: a secret is left: %s\n\tit becomes %s", filepath.Base(name), line, process(t, with(func(c *Config) { c.Preset, c.OnInvalid = presetNames(), pass }), "# "+text)[0])
			} else if s.right < s.hits || s.lost > 0 {
				t.Logf("%s: more is hidden than should: %s\n\tit becomes %s", filepath.Base(name), line, process(t, with(func(c *Config) { c.Preset, c.OnInvalid = presetNames(), pass }), "# "+text)[0])
			}
			one.add(s)
		}
		t.Logf("%-18s %v", filepath.Base(name), one)
		all.add(one)
	}
	t.Logf("%-18s %v", "all", all)
	if share(all.gone, all.secrets) < leastRecall || share(all.right, all.hits) < leastPrecision || float64(all.lost) > mostLost*float64(all.stay) {
		t.Errorf("want a recall of %v, a precision of %v, and at most %v lost", leastRecall, leastPrecision, mostLost)
	}
}

// corpusLines are the lines of a file of the corpus, without its comment.
func corpusLines(t *testing.T, name string) (all []string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "# ") {
			all = append(all, lines.Text())
		}
	}
	return all
}
