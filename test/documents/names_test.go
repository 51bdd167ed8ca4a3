package documents

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	pathInText = regexp.MustCompile(`(?:^|[^A-Za-z0-9_./-])((?:cmd|dashboards|deploy|docs|engine|examples|k8s|monitoring|plugins|test|tools)/[A-Za-z0-9_./*-]*[A-Za-z0-9*])`)
	link       = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)
	title      = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInALink = regexp.MustCompile(`[^a-z0-9 _-]`)
	metric     = regexp.MustCompile(`(?:^|[^"A-Za-z])(logpipe_[a-z_]*[a-z])\b`)
)

// Folders and files stand in the documents by their path from the root, or beside the document.
func TestPathsThatAreNamedAreThere(t *testing.T) {
	for _, p := range pages(t) {
		text := fenced.ReplaceAllString(p.text, "")
		for _, m := range pathInText.FindAllStringSubmatch(text, -1) {
			found, err := filepath.Glob(filepath.Join(root, m[1]))
			beside, _ := filepath.Glob(filepath.Join(root, path.Dir(p.name), m[1])) // a bad pattern is one for the first, too
			if err != nil || len(found)+len(beside) == 0 {
				t.Errorf("%s names %s, which is not there", p.name, m[1])
			}
		}
	}
}

// anchors are what a link may lead to in a document.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range title.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(notInALink.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(p.text, ""), -1) {
			to := p.name
			if m[1] != "" {
				to = path.Join(path.Dir(p.name), m[1])
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s: %v", p.name, m[1], err)
			} else if m[2] != "" && !anchors(read(t, filepath.Join(root, to)))[m[2]] {
				t.Errorf("%s links to %s#%s, which is not there", p.name, m[1], m[2])
			}
		}
	}
}

// What is named is asked for in dashboards and alerts of others. The golden file has all metrics of a process.
func TestMetricsThatAreNamedAreThere(t *testing.T) {
	golden, named := read(t, root+"/engine/admin/testdata/metrics.txt"), 0
	for _, p := range pages(t) {
		for _, m := range metric.FindAllStringSubmatch(p.text, -1) {
			if named++; !strings.Contains("\n"+golden, "\n"+m[1]+"{") {
				t.Errorf("%s speaks of %s, which is no metric of logpipe", p.name, m[1])
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d metrics are named", named)
	}
}
