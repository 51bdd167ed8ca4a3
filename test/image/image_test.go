//go:build image

package image

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"debug/elf"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/tally"
	"github.com/logpipe/logpipe/test/world"
)

func TestMain(m *testing.M) { servers.Main(m) }

const (
	image   = "logpipe:test"
	mostMiB = 40
)

// The image is built once; each part looks at it in another way.
func TestImage(t *testing.T) {
	e := newEngine(t)
	e.build(image)
	for name, look := range map[string]func(*testing.T, *engine){
		"says what it is":          saysWhatItIs,
		"has nothing but logpipe":  hasNothingElse,
		"is the same again":        isTheSameAgain,
		"arm64":                    arm64,
		"generator to a volume":    intoVolume,
		"queue to bucket, stopped": queueToBucket,
	} {
		t.Run(name, func(t *testing.T) {
			here := *e
			here.tb = t
			look(t, &here)
		})
	}
}

// A name instead of a number, and Kubernetes refuses to start it under runAsNonRoot; root, and whoever breaks in has the node.
func saysWhatItIs(t *testing.T, e *engine) {
	c := e.inspect(image)
	t.Logf("%.1f MiB", float64(c.Size)/(1<<20))
	if c.Size > mostMiB<<20 {
		t.Errorf("the image has %d bytes, more than %d MiB", c.Size, mostMiB)
	}
	if c.Config.User != "65532:65532" {
		t.Errorf("the user is %q", c.Config.User)
	}
	if c.Config.StopSignal != "SIGTERM" {
		t.Errorf("the stop signal is %q, which does not drain", c.Config.StopSignal)
	}
	if diff := cmp.Diff([]string{"CMD", "/usr/bin/logpipe", "health"}, c.HealthCheck.Test); diff != "" {
		t.Errorf("health check: %s", diff)
	}
	for _, label := range []string{"title", "description", "licenses", "source", "version", "revision"} {
		if c.Config.Labels["org.opencontainers.image."+label] == "" {
			t.Errorf("label %s is empty", label)
		}
	}
	if said := string(e.podman("run", "--rm", image, "version")); !strings.HasPrefix(said, "logpipe v0.0.1 ") {
		t.Errorf("version says %q", said)
	}
}

// A shell, a package manager or a forgotten key would be for everybody who gets in, and must be kept up to date. Without the CA bundle
// no S3 of the world is reached.
func hasNothingElse(t *testing.T, e *engine) {
	files := e.files(image)
	want := []string{"etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/bin/logpipe", "var/lib/logpipe/.keep"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files))); diff != "" {
		t.Errorf("files of the image: %s", diff)
	}
	trusted := 0
	for block, rest := pem.Decode(files["etc/ssl/certs/ca-certificates.crt"]); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			trusted++
		}
	}
	if trusted < 50 {
		t.Errorf("%d authorities in the CA bundle", trusted)
	}
	if program, err := elf.NewFile(bytes.NewReader(files["usr/bin/logpipe"])); err != nil {
		t.Error(err)
	} else if libraries, _ := program.ImportedLibraries(); len(libraries) > 0 || program.Section(".interp") != nil {
		t.Errorf("the program is not static: it needs %q", libraries)
	}
}

// If the same source gave other files each time, nobody could check that what is shipped was made from it. The second program is
// compiled from a copy of the source in another folder. The image's own number differs: podman notes the build's container in it.
func isTheSameAgain(t *testing.T, e *engine) {
	e.build("logpipe:again", "--no-cache")
	if diff := cmp.Diff(e.inspect(image).RootFS, e.inspect("logpipe:again").RootFS); diff != "" {
		t.Errorf("built twice, the layers differ: %s", diff)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	e.run("cp", "-R", "go.mod", "go.sum", "cmd", "engine", "internal", "plugins", "deploy", elsewhere)
	bin := filepath.Join(elsewhere, "bin", "logpipe")
	e.run(filepath.Join(elsewhere, "deploy/image/compile"), bin, "v0.0.1")
	compiled, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	if shipped := e.files(image)["usr/bin/logpipe"]; sha256.Sum256(shipped) != sha256.Sum256(compiled) {
		t.Error("the program depends on the folder where it is compiled")
	}
}

// Clusters have nodes with both kinds of processors.
func arm64(t *testing.T, e *engine) {
	e.build("logpipe:arm64", "--platform", "linux/arm64")
	if c := e.inspect("logpipe:arm64"); c.Architecture != "arm64" || c.Size > mostMiB<<20 {
		t.Errorf("the image is for %s and has %d bytes", c.Architecture, c.Size)
	}
	program, err := elf.NewFile(bytes.NewReader(e.files("logpipe:arm64")["usr/bin/logpipe"]))
	if err != nil {
		t.Fatal(err)
	}
	if program.Machine != elf.EM_AARCH64 {
		t.Errorf("the program is for %v", program.Machine)
	}
}

const intoFile = `pipeline "generated" {
  input "generator" {
    rate = 2000
  }
  processor "batch" {
    count = 100
    age   = "1s"
  }
  output "file" {
    path = "/var/lib/logpipe/out.ndjson"
  }
}
`

// A fresh volume must be writable for the user of the image, and SIGTERM must reach the program, which has no shell above it: otherwise
// it is killed after the grace period with all that it holds.
func intoVolume(t *testing.T, e *engine) {
	w := world.New(t)
	config := filepath.Join(t.TempDir(), "generated.hcl")
	e.write(config, intoFile)
	p := e.start("generated", "--network", "none", "--env", "TZ=Asia/Tokyo", "--volume", "state:/var/lib/logpipe", "--volume", config+":/etc/logpipe/generated.hcl:ro", image)
	opened := w.Says(p, "input is open")
	volume := strings.TrimSpace(string(e.podman("volume", "inspect", "state", "--format", "{{.Mountpoint}}")))
	written := func() *tally.Tally {
		found := tally.New()
		f, err := os.Open(filepath.Join(volume, "out.ndjson"))
		if err != nil {
			return found // not yet
		}
		defer f.Close()
		if err := found.Lines(f); err != nil {
			t.Fatal(err)
		}
		return found
	}
	w.Until("something is written", func() bool { return written().Total() > 0 })
	confined(t, e, "generated")
	w.Says(p, "status page")
	e.podman("healthcheck", "run", "generated") // it fails when the program does not say that it is well
	w.Stops(p, 0)
	summary := w.Says(p, "summary")
	if n := written().Total(); n != summary.Int("received") || summary.Int("unsettled") != 0 {
		t.Errorf("%d messages are in the file, of %d; unsettled are %d", n, summary.Int("received"), summary.Int("unsettled"))
	}
	if at := opened.Text("time"); !strings.HasSuffix(at, "+09:00") {
		t.Errorf("the time %s is not that of Tokyo: the image does not know the zones", at)
	}
}

// confined looks at the process from outside.
func confined(t *testing.T, e *engine, name string) {
	t.Helper()
	pid := strings.TrimSpace(string(e.podman("inspect", name, "--format", "{{.State.Pid}}")))
	status, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		have[key] = strings.Join(strings.Fields(value), " ")
	}
	const none = "0000000000000000"
	for key, want := range map[string]string{"Uid": "65532 65532 65532 65532", "Gid": "65532 65532 65532 65532",
		"CapEff": none, "CapPrm": none, "CapBnd": none, "NoNewPrivs": "1", "Seccomp": "2"} {
		if have[key] != want {
			t.Errorf("%s of the process is %q, want %q", key, have[key], want)
		}
	}
}

// The main job from the image, stopped in the middle: what it had read is stored and acked, the rest is in the queue, none is lost and
// none is there twice.
func queueToBucket(t *testing.T, e *engine) {
	const n = 20_000
	w := world.New(t)
	w.Produce(n)
	args := []string{"--network", "host", "--volume", filepath.Join(process.Root(), "pipeline.hcl") + ":/etc/logpipe/pipeline.hcl:ro", "--volume", "fallback:/var/lib/logpipe"}
	for _, variable := range w.Env() {
		if !strings.HasPrefix(variable, "FALLBACK_PATH=") { // the image has one
			args = append(args, "--env", variable)
		}
	}
	p := e.start("drained", append(args, image)...)
	w.Until("some are stored", func() bool { return len(w.Keys()) > 0 })
	w.Stops(p, 0)
	stored, left := w.Stored().Total(), w.Depth("log_queue")
	t.Logf("%d stored, %d left in the queue", stored, left)
	if stored+left != n {
		t.Errorf("%d stored and %d left are not the %d that were sent", stored, left, n)
	}
	p = e.start("rest", append(args, image)...)
	w.Until("all are stored", func() bool { return w.Stored().Total() >= n })
	w.Stops(p, 0)
	all := w.Stored()
	w.Complete(n, all)
	if twice := all.Twice(); twice != 0 {
		t.Errorf("%d messages are there twice after a clean stop", twice)
	}
}
