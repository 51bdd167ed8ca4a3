package servers

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

var errNoRabbitMQ = errors.New("rabbitmq-server is not installed")

// installation is a RabbitMQ whose programs can run here.
type installation struct {
	bin  string // the folder of rabbitmq-server and rabbitmqctl, as seen from the root
	root string // the folder of the Debian that they run in; "" is this machine itself
}

// debianBin is where Debian keeps the programs themselves: what it puts on
// PATH are wrappers that change to the user rabbitmq and its files.
const debianBin = "/usr/lib/rabbitmq/bin"

// rabbitFolders are looked into beside PATH, which "" stands for.
var rabbitFolders = []string{debianBin, "", "/usr/sbin", "/opt/homebrew/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin"}

// installed is the RabbitMQ of this machine.
func installed() (installation, error) {
	for _, folder := range rabbitFolders {
		if path, err := exec.LookPath(filepath.Join(folder, "rabbitmq-server")); err == nil {
			return installation{bin: filepath.Dir(path)}, nil
		}
	}
	return installation{}, errNoRabbitMQ
}

// inFolder is the RabbitMQ in a folder: the root folder of a Debian, or one in
// which RabbitMQ was unpacked.
func inFolder(folder string) (installation, error) {
	if in := (installation{bin: debianBin, root: filepath.Clean(folder)}); in.root != "/" && in.has("rabbitmq-server") {
		return in, rootCloses()
	}
	for _, bin := range []string{".", "sbin", "bin"} {
		if in := (installation{bin: filepath.Join(folder, bin)}); in.has("rabbitmq-server") {
			return in, nil
		}
	}
	return installation{}, fmt.Errorf("%s has no rabbitmq-server: neither %s, as the root folder of a Debian has, nor sbin/ or bin/", folder, debianBin)
}

// has says whether a program is there.
func (in installation) has(program string) bool {
	_, err := exec.LookPath(filepath.Join(in.root, in.bin, program))
	return err == nil
}

// version is read off the folder of RabbitMQ's own code: asking the programs
// takes seconds.
func (in installation) version() (string, error) {
	for _, plugins := range []string{"../plugins", "../lib/rabbitmq_server-*/plugins", "../lib/rabbitmq/lib/rabbitmq_server-*/plugins"} {
		found, _ := filepath.Glob(filepath.Join(in.root, in.bin, plugins, "rabbit-[0-9]*"))
		if len(found) > 0 {
			name := strings.TrimSuffix(filepath.Base(slices.Max(found)), ".ez")
			return strings.TrimPrefix(name, "rabbit-"), nil
		}
	}
	return "", fmt.Errorf("find the version of RabbitMQ in %s: no plugins/rabbit-VERSION is near it", filepath.Join(in.root, in.bin))
}

// is returns why the installation is not of the wanted version, or nil.
func (in installation) is(c choice) error {
	if c.version == "" {
		return nil
	}
	version, err := in.version()
	if err == nil && !c.accepts(version) {
		err = fmt.Errorf("rabbitmq-server is of version %s", version)
	}
	return err
}

// command runs one of RabbitMQ's programs, or another by its full path. The
// folder is one of shareDir, the only one of this machine that a root shares.
func (in installation) command(ctx context.Context, dir string, env []string, program string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(program) {
		program = filepath.Join(in.bin, program)
	}
	if in.root == "" {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env, cmd.Dir = env, dir
		return cmd
	}
	return inRoot(ctx, in.root, dir, env, append([]string{program}, args...))
}

// mapper is the path of epmd, Erlang's port mapper, as seen from the root.
func (in installation) mapper() (string, error) {
	if in.root == "" {
		if path, err := exec.LookPath("epmd"); err == nil {
			return path, nil
		}
	}
	for _, pattern := range []string{"/usr/lib/erlang/erts-*/bin/epmd", "/usr/local/lib/erlang/erts-*/bin/epmd", "/opt/homebrew/opt/erlang/lib/erlang/erts-*/bin/epmd"} {
		if found, _ := filepath.Glob(in.root + pattern); len(found) > 0 {
			return strings.TrimPrefix(found[len(found)-1], in.root), nil
		}
	}
	return "", errors.New("find epmd, Erlang's port mapper: it is neither on PATH nor where Erlang keeps it")
}

// String is how progress and errors name it.
func (in installation) String() string { return filepath.Join(in.root, in.bin) }
