//go:build image

package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

// engine is podman with a store of its own: it sees no images and containers of the machine, and leaves none.
type engine struct {
	tb      testing.TB
	program string
	env     []string
}

// The settings are those that also work inside of a container and without systemd: no overlay in overlay, no cgroup manager, no
// limits above those of the machine.
const (
	storageConf = `[storage]
driver = "vfs"
graphroot = %q
runroot = %q
`
	containersConf = `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`
)

func newEngine(tb testing.TB) *engine {
	tb.Helper()
	if os.Getuid() != 0 && servers.InCI() {
		tb.Fatal("the test of the image needs root, for podman without user namespaces")
	}
	e := &engine{tb: tb, program: servers.Podman(tb)}
	dir := tb.TempDir()
	storage, containers := filepath.Join(dir, "storage.conf"), filepath.Join(dir, "containers.conf")
	e.write(storage, fmt.Sprintf(storageConf, filepath.Join(dir, "graph"), filepath.Join(dir, "run")))
	e.write(containers, containersConf)
	e.env = []string{"CONTAINERS_STORAGE_CONF=" + storage, "CONTAINERS_CONF=" + containers, "TMPDIR=" + dir}
	return e
}

func (e *engine) write(path, text string) {
	e.tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		e.tb.Fatal(err)
	}
}

// run runs a program of the module's folder in the engine's environment and returns what it prints.
func (e *engine) run(program string, args ...string) []byte {
	e.tb.Helper()
	cmd := exec.CommandContext(e.tb.Context(), program, args...)
	cmd.Dir = process.Root()
	cmd.Env = append(os.Environ(), e.env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		e.tb.Fatalf("%s %q: %v\n%s", filepath.Base(program), args, err, exit.Stderr)
	}
	if err != nil {
		e.tb.Fatal(err)
	}
	return out
}

func (e *engine) podman(args ...string) []byte {
	e.tb.Helper()
	return e.run(e.program, args...)
}

// build makes the image as `make image` does, from programs that are compiled here: no base image can be fetched everywhere, and the
// stage that is shipped is the same.
func (e *engine) build(image string, more ...string) {
	e.tb.Helper()
	e.env = append(e.env, "BUILDER=podman", "PREBUILT=yes")
	e.run("deploy/image/build", append([]string{image, "v0.0.1", "--isolation", "chroot"}, more...)...)
}

// config is what an image says of itself.
type config struct {
	Architecture string
	Size         int64
	Config       struct {
		User       string
		Labels     map[string]string
		StopSignal string
	}
	HealthCheck struct{ Test []string }
	RootFS      struct{ Layers []string }
}

func (e *engine) inspect(image string) config {
	e.tb.Helper()
	var all []config
	if err := json.Unmarshal(e.podman("image", "inspect", image), &all); err != nil || len(all) != 1 {
		e.tb.Fatalf("inspect %s: %d images, %v", image, len(all), err)
	}
	return all[0]
}

// files are what a container of the image would find, without what the engine puts in.
func (e *engine) files(image string) map[string][]byte {
	e.tb.Helper()
	name := filepath.Base(e.tb.TempDir()) + "-files"
	e.podman("create", "--name", name, image)
	defer e.podman("rm", name)
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(e.podman("export", name))); ; {
		header, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			e.tb.Fatal(err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			e.tb.Fatal(err)
		}
	}
}

// start runs a container as strictly as a cluster would: nothing can be written but the volume, no capability, no way to get one. It is
// gone with the test. Podman in the foreground passes signals on and ends as the container does.
func (e *engine) start(name string, args ...string) *process.Process {
	e.tb.Helper()
	strict := []string{"run", "--rm", "--name", name, "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL",
		"--security-opt", "no-new-privileges", "--memory", "256m"}
	p, err := process.Start(e.program, e.env, nil, append(strict, args...)...)
	if err != nil {
		e.tb.Fatal(err)
	}
	e.tb.Cleanup(func() {
		if p.Ended() {
			return
		}
		e.podman("rm", "--force", "--time", "0", name)
		p.Kill()
		e.tb.Logf("last lines of %s:\n%s", name, p.Tail(20))
	})
	return p
}
