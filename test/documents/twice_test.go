package documents

import (
	"regexp"
	"strings"
	"testing"
)

// tables are the alert blocks' and the like, which docs/plugins.md lists for each kind.
var betweenParagraphs = regexp.MustCompile(`\n[ \t]*\n`)

// A merge that keeps both sides leaves a paragraph twice, and the two go apart from then on: a reader believes the old one.
func TestNoParagraphIsThereTwice(t *testing.T) {
	for _, p := range pages(t) {
		seen := map[string]bool{}
		for _, paragraph := range betweenParagraphs.Split(p.text, -1) {
			words := strings.Join(strings.Fields(paragraph), " ")
			if len(words) < 60 || strings.HasPrefix(words, "|") { // tables of options stand under each kind
				continue
			}
			if seen[words] {
				t.Errorf("%s has this paragraph twice: %s", p.name, words)
			}
			seen[words] = true
		}
	}
}
