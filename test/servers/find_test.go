package servers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeProgram puts a shell script of a name into a folder.
func fakeProgram(t *testing.T, dir, name, script string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	step(t, "write "+name, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755))
	return path
}

// set changes a variable of the package for one test.
func set[T any](t *testing.T, v *T, to T) {
	was := *v
	*v = to
	t.Cleanup(func() { *v = was })
}

func TestNoWayToABroker(t *testing.T) {
	t.Setenv(EnvAMQP, "")
	t.Setenv(EnvRabbitMQ, "")
	t.Setenv("PATH", t.TempDir())
	set(t, &rabbitFolders, []string{""})
	_, err := StartBroker(t.Context(), Options{})
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
	want := "no RabbitMQ can be had on this machine (program: rabbitmq-server is not installed; Docker: there is no docker program; " +
		"package: there is no apt-get); set LOGPIPE_TEST_AMQP_URL to the URL of a broker for tests, " +
		"install the program rabbitmq-server, start a Docker engine, or run as root on Debian"
	if err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
}

func TestNoWayToAnS3Server(t *testing.T) {
	t.Setenv(EnvS3, "")
	t.Setenv("PATH", t.TempDir())
	t.Setenv(EnvCache, t.TempDir())
	_, err := StartS3(t.Context(), Options{})
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
	for _, want := range []string{"program: versitygw is neither on PATH nor at ", "build: there is no go command on PATH", "set LOGPIPE_TEST_S3_ENDPOINT"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestOneBuildForMany has several processes' worth of callers ask at once for a
// versitygw that has to be built.
func TestOneBuildForMany(t *testing.T) {
	bin, cache := t.TempDir(), t.TempDir()
	fakeProgram(t, bin, "go", `echo "$@" >> "`+cache+`/builds"; echo program > "$GOBIN/versitygw"; chmod +x "$GOBIN/versitygw"`)
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	t.Setenv(EnvCache, cache)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			path, err := installGateway(context.Background(), Options{})
			if err != nil {
				t.Error(err)
			}
			if text, _ := os.ReadFile(path); string(text) != "program\n" {
				t.Errorf("%s holds %q", path, text)
			}
		})
	}
	wg.Wait()
	builds, _ := os.ReadFile(filepath.Join(cache, "builds"))
	if want := "install " + gatewayModule + "@" + gatewayVersion + "\n"; string(builds) != want {
		t.Errorf("builds: %q, want one: %q", builds, want)
	}
}

func TestBuildThatGoesWrong(t *testing.T) {
	bin := t.TempDir()
	fakeProgram(t, bin, "go", `echo "no such module"; exit 1`)
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	t.Setenv(EnvCache, t.TempDir())
	_, err := installGateway(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "no such module") {
		t.Errorf("error %v, want what the build said", err)
	}
	if _, err := findGateway(); err == nil {
		t.Error("a build that went wrong left a program")
	}
}

// TestServicesStayOff puts each kind of policy in place and looks at what is
// there during and after an installation.
func TestServicesStayOff(t *testing.T) {
	const allow, refuse = "#!/bin/sh\nexit 0\n", "#!/bin/sh\n# mine\nexit 101\n"
	for _, c := range []struct{ name, before, during, after string }{
		{"none", "", denyStart, ""},
		{"one that allows", allow, denyStart, allow},
		{"one that refuses", refuse, refuse, refuse},
		{"ours, left behind", denyStart, denyStart, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			set(t, &policyFile, filepath.Join(t.TempDir(), "policy-rc.d"))
			if c.before != "" {
				step(t, "write", os.WriteFile(policyFile, []byte(c.before), 0o755))
			}
			restore, err := denyServices()
			step(t, "deny", err)
			if text, _ := os.ReadFile(policyFile); string(text) != c.during || !refuses(policyFile) {
				t.Errorf("during: %q", text)
			}
			restore()
			if text, _ := os.ReadFile(policyFile); string(text) != c.after {
				t.Errorf("after: %q", text)
			}
		})
	}
}

// TestCompose checks the commands that an engine would get, on a docker that
// only writes them down.
func TestCompose(t *testing.T) {
	bin := t.TempDir()
	log := filepath.Join(bin, "log")
	fakeProgram(t, bin, "docker", `echo "$@" >> "`+log+`"`)
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	step(t, "docker answers", dockerAnswers(t.Context()))
	step(t, "forget", os.Remove(log))

	c, err := newContainer(Options{}, "s3", 1)
	step(t, "prepare", err)
	step(t, "write", c.write("services: {}\n"))
	prefix := strings.Join(c.args(), " ") + " "
	ctx := t.Context()
	for _, err := range []error{c.start(ctx), c.pause(), c.resume(), c.stop(ctx), c.kill(), c.close()} {
		step(t, "compose", err)
	}
	text, _ := os.ReadFile(log)
	want := ""
	for _, line := range []string{"up --detach", "pause", "unpause", "stop --timeout 20", "kill", "down --volumes --timeout 0"} {
		want += prefix + line + "\n"
	}
	if string(text) != want {
		t.Errorf("docker got\n%swant\n%s", text, want)
	}
}

func TestScratchOfAKilledProcessIsSwept(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	used, err := newScratch("x")
	step(t, "make", err)
	left, err := newScratch("x")
	step(t, "make", err)
	left.held.Close() // as the end of its process does
	next, err := newScratch("x")
	step(t, "make", err)
	for _, c := range []struct {
		s    *scratch
		want bool
	}{{used, true}, {left, false}, {next, true}} {
		if _, err := os.Stat(c.s.path); (err == nil) != c.want {
			t.Errorf("%s is there: %v, want %v", c.s.path, err == nil, c.want)
		}
	}
	step(t, "close", errors.Join(used.close(), next.close()))
}

func TestPortsAreOurs(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p, err := reservePort()
	step(t, "reserve", err)
	share, err := shareDir()
	step(t, "find the folder", err)
	if tryPort(share, p.number) != nil {
		t.Errorf("port %s was given twice", p)
	}
	p.release()
	again := tryPort(share, p.number)
	if again == nil {
		t.Fatalf("port %s cannot be had after its release", p)
	}
	again.release()
}

// verdict records how check ends a test.
type verdict struct {
	testing.TB
	said string
}

func (v *verdict) Helper()      {}
func (v *verdict) Skip(...any)  { v.said = "skip" }
func (v *verdict) Fatal(...any) { v.said = "fatal" }

func TestSkipOnlyWithoutServerAndOutsideCI(t *testing.T) {
	none, broken := error(&unavailable{}), errors.New("broken")
	for _, c := range []struct {
		ci   string
		err  error
		want string
	}{
		{"", nil, ""}, {"true", nil, ""},
		{"", none, "skip"}, {"false", none, "skip"}, {"true", none, "fatal"}, {"1", none, "fatal"},
		{"", broken, "fatal"}, {"true", broken, "fatal"},
	} {
		t.Setenv("CI", c.ci)
		v := &verdict{}
		check(v, c.err)
		if v.said != c.want {
			t.Errorf("CI=%q, error %v: %q, want %q", c.ci, c.err, v.said, c.want)
		}
	}
}
