//go:build memory

package memory

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
)

// A folder of many files takes no more memory than one of few: what is read counts, and not what there is. Else a folder in which files have piled up
// in an outage ends with the kernel killing the process, at each start.
func TestManyFiles(t *testing.T) {
	const closed, open, most = 100_000, 2_000, 64_000_000
	top, err := os.MkdirTemp("/dev/shm", "logpipe-files-") // a disk would need an hour for the names of so many
	if err != nil {
		t.Skipf("no folder in memory: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	logs := filepath.Join(top, "logs")
	if err := os.Mkdir(logs, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range closed {
		if err := os.WriteFile(fmt.Sprintf("%s/application-%06d.log", logs, i), []byte("line\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range open {
		f, err := os.Create(fmt.Sprintf("%s/application-%06d-open.log", logs, i))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("line\n"); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(top, "pipeline.hcl")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
pipeline "files" {
  input "file" {
    paths         = ["%s/*.log"]
    on_delivered  = "delete"
    poll_interval = "1s"
  }
  processor "batch" {
    count = 500
    age   = "1s"
  }
  output "file" {
    path = "%s/out"
  }
}
`, logs, top), 0o644); err != nil {
		t.Fatal(err)
	}
	bin, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(bin, nil, nil, "run", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	for {
		if st, err := os.Stat(filepath.Join(top, "out")); err == nil && st.Size() == closed*int64(len("line\n")) {
			break
		}
		if p.Ended() || t.Context().Err() != nil {
			t.Fatalf("the end came early: %s", p.Tail(20))
		}
		time.Sleep(100 * time.Millisecond)
	}
	now, peak := resident(t, p.PID())
	t.Logf("%d bytes, at most %d", now, peak)
	if peak > most {
		t.Errorf("%d files, %d of them open, took %d bytes, more than %d", closed+open, open, peak, most)
	}
}
