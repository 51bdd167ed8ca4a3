package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// rootScript makes a Debian in a folder run a program as if it were this
// machine: processes, devices, names of hosts and the folder of the test
// servers are this machine's. It runs in a mount namespace of its own, so its
// mounts end with the program in whatever way that ends; whoever removes the
// folder never meets this machine's devices in it. Each step is an exec: the
// server is our child itself, not a child of scripts.
const rootScript = `set -e
root=$1 share=$2 dir=$3; shift 3
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root$share"
mount --bind "$share" "$root$share"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
test -e "$root/etc/hosts" || : > "$root/etc/hosts"
mount --bind /etc/hosts "$root/etc/hosts"
exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$dir" "$@"`

// isolated is a command whose mounts nobody else sees.
var isolated = []string{"unshare", "--mount", "--propagation", "private"}

// rootCloses says why no Debian in a folder can run here, or nil.
func rootCloses() error {
	if os.Getuid() != 0 {
		return errors.New("a Debian in a folder of its own needs root, for chroot and mount")
	}
	for _, program := range []string{isolated[0], "mount", "chroot"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("a Debian in a folder of its own needs the program %s, which is not on PATH", program)
		}
	}
	return nil
}

// inRoot makes a command run inside of a root. What the caller's PATH says of
// this machine means nothing there. Of this machine's folders it sees the one
// that dir lies in.
func inRoot(ctx context.Context, root, dir string, env, args []string) *exec.Cmd {
	line := slices.Concat(isolated, []string{"sh", "-c", rootScript, "root", root, filepath.Dir(dir), dir}, args)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = slices.Concat(env, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"})
	cmd.Dir = dir
	return cmd
}

// rootsDir is where the roots are cached: in the folder that EnvCache names,
// else where the system keeps caches, for only root uses them.
func rootsDir() string {
	if cache := os.Getenv(EnvCache); cache != "" {
		return filepath.Join(cache, "roots")
	}
	return "/var/cache/logpipe/roots"
}

// obtainRoot finds or makes the root of a Debian with its RabbitMQ. Several
// processes may try at once: one makes it, the others wait and use it.
func obtainRoot(ctx context.Context, o Options, c choice) (installation, error) {
	r, err := c.release()
	if err == nil {
		err = rootCloses()
	}
	if err != nil {
		return installation{}, err
	}
	root, err := filepath.Abs(filepath.Join(rootsDir(), r.debian))
	if err != nil {
		return installation{}, err
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return installation{}, fmt.Errorf("make the folder of roots (or set %s): %w", EnvCache, err)
	}
	held, err := lockSlow(ctx, o, root+".lock", "the root of Debian "+r.debian)
	if err != nil {
		return installation{}, err
	}
	defer held.Close()
	if _, err := os.Stat(root); errors.Is(err, os.ErrNotExist) {
		if err := makeRoot(ctx, o, r, root); err != nil {
			return installation{}, err
		}
	}
	return wholeRoot(root, c)
}

// wholeRoot is the RabbitMQ of a finished root: debootstrap keeps a folder of
// its own in one that it works on.
func wholeRoot(root string, c choice) (installation, error) {
	if _, err := os.Stat(filepath.Join(root, "debootstrap")); err == nil {
		return installation{}, fmt.Errorf("%s is not finished: wait for the debootstrap that makes it, or remove it if none does", root)
	}
	in, err := inFolder(root)
	if err != nil {
		return installation{}, err
	}
	if err := in.is(c); err != nil {
		return installation{}, fmt.Errorf("%s is of no use for RabbitMQ %s: %w; remove it to have it made anew", root, c.version, err)
	}
	return in, nil
}

// debianArchive is where this machine's apt gets Debian from.
func debianArchive(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian", "Component: main").Output()
	if err != nil {
		return "", fmt.Errorf("ask apt-get for the archive of Debian: %w", err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if first == "" {
		return "", errors.New("apt knows no archive of Debian; on a Debian, `apt-get update` makes it known")
	}
	return first, nil
}
