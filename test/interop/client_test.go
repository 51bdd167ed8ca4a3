//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

// client is a library or program that is not ours, and how its program in the folder clients is run.
type client struct {
	name     string
	packages []servers.Package
	command  func(t *testing.T, c *client) []string
	file     string

	writes bool
	own    bool // writes messages of its own kind, and takes none that are described
	reads  bool
	// blind are the messages that the library breaks off at when it reads them, as WRITER.GROUP, where * stands for all writers.
	blind []string
}

const (
	python    = "/usr/bin/python3"
	pythonLib = "/usr/lib/python3/dist-packages/"
)

// clients are all. The first reads types as they are on the wire, so it is the one that absolute values are compared with.
var clients = []*client{
	{name: "librabbitmq", file: "librabbitmq_client.c", command: compiledC, writes: true, reads: true, blind: []string{"*.noname"},
		packages: []servers.Package{{Name: "librabbitmq-dev", File: "/usr/include/amqp.h"}, {Name: "libcjson-dev", File: "/usr/include/cjson/cJSON.h"}, {Name: "gcc", File: "/usr/bin/gcc"}}},
	{name: "pika", file: "pika_client.py", command: interpreted(python), writes: true, reads: true,
		blind:    append([]string{"*.Tfar", "*.timefar"}, unknownInteger...),
		packages: []servers.Package{{Name: "python3-pika", File: pythonLib + "pika"}}},
	{name: "pyamqp", file: "pyamqp_client.py", command: interpreted(python), writes: true, reads: true,
		blind:    append([]string{"*.s", "*.Tfar", "proton.ids", "aiopika.A", "rabbitmqclient.A", "rabbitmqclient.x"}, unknownInteger...), // it takes s for a short text
		packages: []servers.Package{{Name: "python3-amqp", File: pythonLib + "amqp"}}},
	{name: "kombu", file: "kombu_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "python3-kombu", File: pythonLib + "kombu"}, {Name: "python3-yaml", File: pythonLib + "yaml"}}},
	{name: "aiopika", file: "aiopika_client.py", command: interpreted(python), writes: true, reads: true,
		blind:    append([]string{"*.Tfar", "*.timefar", "proton.ids"}, unknownInteger...),
		packages: []servers.Package{{Name: "python3-aio-pika", File: pythonLib + "aio_pika"}}},
	{name: "amqplib", file: "amqplib_client.js", command: node, writes: true, reads: true, packages: nodePackages, blind: unknownInteger},
	{name: "rabbitmqclient", file: "rabbitmqclient_client.js", command: node, writes: true, reads: true, packages: nodePackages, blind: unknownInteger},
	{name: "cloudamqp", file: "cloudamqp_client.js", command: node, writes: true, reads: true, packages: nodePackages,
		blind: append([]string{"*.large", "*.cluster"}, unknownInteger...)},
	{name: "java", file: "JavaClient.java", command: compiledJava, writes: true, reads: true, blind: append([]string{"*.B", "*.u", "*.i"}, unknownInteger...),
		packages: []servers.Package{{Name: "librabbitmq-client-java", File: javaLibrary}, {Name: "default-jdk-headless", File: "/usr/bin/javac"}, {Name: "libslf4j-java", File: javaLog}}},
	{name: "bunny", file: "bunny_client.rb", command: interpreted("/usr/bin/ruby"), writes: true, reads: true,
		blind:    append([]string{"*.B", "*.u", "*.i", "*.V"}, unknownInteger...),
		packages: []servers.Package{{Name: "ruby-bunny", File: "/usr/share/rubygems-integration/all/specifications/bunny-*"}}},
	{name: "phpamqplib", file: "phpamqplib_client.php", command: interpreted("/usr/bin/php"), writes: true, reads: true,
		blind:    append([]string{"*.longname", "*.noname"}, unknownInteger...),
		packages: []servers.Package{{Name: "php-amqplib", File: "/usr/share/php/PhpAmqpLib/autoload.php"}, {Name: "php-cli", File: "/usr/bin/php"}, {Name: "php-mbstring", File: "/usr/lib/php/*/mbstring.so"}, {Name: "php-bcmath", File: "/usr/lib/php/*/bcmath.so"}}},
	{name: "perl", file: "perl_client.pl", command: interpreted("/usr/bin/perl"), writes: true,
		packages: []servers.Package{{Name: "libanyevent-rabbitmq-perl", File: "/usr/share/perl5/AnyEvent/RabbitMQ.pm"}}},
	{name: "erlang", file: "erlang_client.escript", command: escript, writes: true, reads: true,
		packages: []servers.Package{{Name: "rabbitmq-server", File: erlangPlugins}, {Name: "erlang-base", File: "/usr/bin/escript"}}},
	{name: "proton", file: "proton_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "python3-qpid-proton", File: pythonLib + "proton"}}},
	{name: "stomp", file: "stomp_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "python3-stomp", File: pythonLib + "stomp"}}},
	{name: "mqtt", file: "mqtt_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "mosquitto-clients", File: "/usr/bin/mosquitto_pub"}}},
	{name: "tools", file: "tools_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "amqp-tools", File: "/usr/bin/amqp-publish"}}},
	{name: "curl", file: "curl_client.py", command: interpreted(python), writes: true, own: true, reads: true,
		blind:    append([]string{"proton.most"}, unknownInteger...), // the management API tells what the broker has, and not what it delivers
		packages: []servers.Package{{Name: "curl", File: "/usr/bin/curl"}}},
}

// unknownInteger is the type L, which few others know, or take for something else. py-amqp writes it, and so do kombu and celery: 4.x makes it an
// l, 3.x does not. Two who know it read it.
var unknownInteger = []string{"*.L", "pyamqp.Imin", "pyamqp.l", "kombu.celery"}

var nodePackages = []servers.Package{{Name: "nodejs", File: "/usr/*/node"}, {Name: "npm", File: "/usr/*/npm"}}

const (
	javaLibrary   = "/usr/share/java/amqp-client.jar"
	javaLog       = "/usr/share/java/slf4j-api.jar"
	erlangPlugins = "/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/amqp_client-*"
)

// packages are those of several clients together.
func packages(of []*client) (all []servers.Package) {
	for _, c := range of {
		all = append(all, c.packages...)
	}
	return all
}

func folder() string { return filepath.Join(process.Root(), "test", "interop", "clients") }

func interpreted(program string) func(*testing.T, *client) []string {
	return func(t *testing.T, c *client) []string { return []string{program, filepath.Join(folder(), c.file)} }
}

// source names a folder of the cache after what is in a file: it is built anew when that changes.
func source(t *testing.T, name string, files ...string) (cache string) {
	t.Helper()
	sum := sha256.New()
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(folder(), f))
		check(t, err)
		sum.Write(text)
	}
	return fmt.Sprintf("interop-%s-%x", name, sum.Sum(nil)[:6])
}

func compiledC(t *testing.T, c *client) []string {
	built := servers.Cache(t, source(t, c.name, c.file), func(dir string) error {
		return run(dir, nil, "gcc", "-Wall", "-Werror", "-O1", "-o", filepath.Join(dir, c.name), filepath.Join(folder(), c.file), "-lrabbitmq", "-lcjson", "-lm")
	})
	return []string{filepath.Join(built, c.name)}
}

func compiledJava(t *testing.T, c *client) []string {
	built := servers.Cache(t, source(t, c.name, c.file), func(dir string) error {
		return run(dir, nil, "javac", "-Xlint:all", "-cp", javaLibrary, "-d", dir, filepath.Join(folder(), c.file))
	})
	// A short life is not worth the compiler's second stage.
	return []string{"java", "-XX:TieredStopAtLevel=1", "-cp", javaLibrary + ":" + javaLog + ":" + built, "JavaClient"}
}

// node runs with the packages of clients/package-lock.json, which npm fetches once.
func node(t *testing.T, c *client) []string {
	built := servers.Cache(t, source(t, "npm", "package-lock.json"), func(dir string) error {
		for _, f := range []string{"package.json", "package-lock.json"} {
			text, err := os.ReadFile(filepath.Join(folder(), f))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, f), text, 0o644)
			}
			if err != nil {
				return err
			}
		}
		return run(dir, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	})
	return []string{"env", "NODE_PATH=" + filepath.Join(built, "node_modules"), "node", filepath.Join(folder(), c.file)}
}

func escript(t *testing.T, c *client) []string {
	found, err := filepath.Glob(erlangPlugins)
	if err != nil || len(found) == 0 {
		t.Fatalf("the folder %s is not there (%v)", erlangPlugins, err)
	}
	return []string{"env", "ERL_LIBS=" + filepath.Dir(found[0]), "escript", filepath.Join(folder(), c.file)}
}

// patience is for one call of a client.
const patience = 5 * time.Minute

func run(dir string, in []byte, args ...string) error {
	_, _, err := output(dir, in, args...)
	return err
}

func output(dir string, in []byte, args ...string) (out []byte, cpu time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(in), &said
	out, err = cmd.Output()
	if state := cmd.ProcessState; state != nil {
		cpu = state.UserTime() + state.SystemTime()
	}
	if err != nil {
		return nil, cpu, fmt.Errorf("%v: %w\n%s%.2000s", args, errors.Join(err, ctx.Err()), said.Bytes(), out)
	}
	return out, cpu, nil
}

// call runs the client's program with a task and takes its answer.
func (c *client) call(t *testing.T, how string, task, answer any) {
	t.Helper()
	text, err := json.Marshal(task)
	check(t, err)
	out, cpu, err := output(folder(), text, append(c.command(t, c), how)...)
	t.Logf("%s: %s took %v of CPU time, and told %d bytes", c.name, how, cpu.Round(time.Millisecond), len(out))
	if err != nil {
		t.Fatalf("%s: %s: %v", c.name, how, err)
	}
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(answer); err != nil {
		t.Fatalf("%s: %s: its answer is no JSON: %v\n%.500s", c.name, how, err, out)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
