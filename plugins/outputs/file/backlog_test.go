package file

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// What a crashed process left in the files is what an operator must hear of: counting what this process wrote would say that nothing is there.
func TestBacklogCountsWhatOthersLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "failed.ndjson")
	for name, text := range map[string]string{
		"failed.ndjson": "0123456789", "failed.20260102T150405.000000000Z.ndjson": "01234", "failed.20260102T150406.000000000Z.ndjson.gz": "0123456",
		"failed.20260102T150405.000000000Z.ndjson.done": "1", "failed.20260102T150407.000000000Z.ndjson.corrupt": "1", "other.ndjson": "1", "failed.20260102T150408.000000000Z.ndjson": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		made, err := New(configured(path, nil), engine.Env{Role: engine.RoleFallback})
		if err != nil {
			t.Fatal(err)
		}
		f := made.(*Fallback)
		if got := f.Gauges(); got != nil {
			t.Errorf("before it has counted: %v", got)
		}
		synctest.Wait()
		got := f.Gauges()
		if len(got) != 2 || got[0] != (engine.Gauge{Name: engine.BacklogFiles, Value: 3}) || got[1] != (engine.Gauge{Name: engine.BacklogBytes, Value: 22}) {
			t.Errorf("%v, want 3 files with 22 bytes", got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		f.Gauges()
		synctest.Wait()
		if got := f.Gauges(); got[0].Value != 2 {
			t.Errorf("after one is home: %v", got)
		}
	})
}
