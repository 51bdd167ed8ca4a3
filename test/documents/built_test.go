package documents

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// DESIGN.md gives a reason for each library. The names in its table are those of the modules' paths, without the host.
func TestLibrariesHaveAReason(t *testing.T) {
	var told []string
	for _, row := range one(t, "DESIGN.md").rows(t, "### Libraries") {
		names := regexp.MustCompile(`[(,)] ?`).Split(row[0], -1)
		owner, _, _ := strings.Cut(strings.TrimPrefix(names[0], "golang.org/"), "/")
		for _, name := range names {
			if name = strings.TrimPrefix(strings.TrimSpace(name), "golang.org/"); name != "" && !strings.Contains(name, "/") {
				name = owner + "/" + name // as in prometheus/client_golang, client_model
			}
			told = append(told, name)
		}
	}
	direct, _, _ := strings.Cut(read(t, root+"/go.mod"), ")")
	needed := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(direct, -1)
	if len(needed) < 10 {
		t.Fatalf("go.mod needs %v", needed)
	}
	for _, m := range needed {
		path := strings.TrimPrefix(strings.TrimPrefix(m[1], "github.com/"), "golang.org/")
		parts := strings.Split(path, "/")
		found := false
		for _, name := range told {
			whole := name == path || name+"/v2" == path
			of := strings.HasPrefix(name, parts[0]+"/") && strings.HasSuffix(name, "/"+parts[len(parts)-1])
			found = found || whole || of
		}
		if !found {
			t.Errorf("DESIGN.md has no reason for %s; it has %q", m[1], told)
		}
	}
}

// Who wants to know where a library is used, or what a plugin drags in, goes by these sentences of DESIGN.md.
func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for _, rule := range []struct{ library, only string }{
		{"github.com/prometheus/", "engine/admin"},
		{"github.com/expr-lang/expr", "engine/condition"},
		{"github.com/oklog/run", "cmd"},
		{"github.com/spf13/", "cmd"},
		{"github.com/hashicorp/hcl", "engine/config"},
		{"github.com/aws/", "plugins/outputs/s3"},
		{"github.com/rabbitmq/amqp091-go", "plugins"},
	} {
		found := 0
		for _, folder := range []string{"cmd", "engine", "internal", "plugins"} {
			err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() && d.Name() == "bench" {
					return fs.SkipDir // a module of its own
				}
				if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !strings.Contains(read(t, path), `"`+rule.library) {
					return nil
				}
				found++
				if name := filepath.ToSlash(path); !strings.HasPrefix(name, root+"/"+rule.only+"/") {
					t.Errorf("%s imports %s, which belongs into %s", name, rule.library, rule.only)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if found == 0 {
			t.Errorf("nobody imports %s", rule.library)
		}
	}
	outside := regexp.MustCompile(`(?m)^\t(?:\w+ )?"([a-z0-9-]+\.[a-z]+/[^"]*)"$`)
	files, err := filepath.Glob(root + "/engine/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for _, m := range outside.FindAllStringSubmatch(read(t, file), -1) {
			if !strings.HasSuffix(file, "_test.go") && !strings.HasPrefix(m[1], "github.com/logpipe/logpipe/") {
				t.Errorf("%s imports %s: package engine uses the standard library only", file, m[1])
			}
		}
	}
}

// The table of goroutines says where each begins.
func TestStartersOfGoroutinesAreThere(t *testing.T) {
	source := program(t)
	for _, row := range one(t, "DESIGN.md").rows(t, "## Who owns each goroutine") {
		for _, name := range spans(row[1]) {
			name = name[strings.LastIndexByte(name, '.')+1:]
			if !regexp.MustCompile(`func (\([^)]*\) )?` + name + `\(`).MatchString(source) {
				t.Errorf("DESIGN.md: %s is started by %s, which is no function", row[0], name)
			}
		}
	}
}
