package engine_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// A time that went through Unix nanoseconds has lost its monotonic part: where two of them are compared, a clock that is set back decides.
func TestNoTimeLosesItsMonotonicPart(t *testing.T) {
	may := map[string]string{
		"engine/id.go":                 "names sort by the time of day",
		"plugins/outputs/file/tend.go": "the age of a file that may be older than the process",
	}
	for _, root := range []string{"../engine", "../plugins"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			name := strings.TrimPrefix(path, "../")
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || may[name] != "" ||
				strings.Contains(path, "/rabbittest/") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "UnixNano" || s.Sel.Name == "UnixMilli" || s.Sel.Name == "UnixMicro") {
					t.Errorf("%s uses %s: keep the time.Time, for example in an atomic.Pointer", name, s.Sel.Name)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
