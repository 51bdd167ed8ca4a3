package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// makeRoot installs a small Debian with RabbitMQ into a folder, in a minute or
// two. It works beside the folder and renames, so that whoever finds a root
// finds a whole one. The caller holds the root's lock.
func makeRoot(ctx context.Context, o Options, r Release, root string) error {
	program, err := debootstrap(ctx, o)
	if err != nil {
		return err
	}
	archive, err := debianArchive(ctx)
	if err != nil {
		return err
	}
	left, _ := filepath.Glob(root + ".new-*")
	for _, dir := range left { // of a process that was killed
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove what is left of an unfinished root: %w", err)
		}
	}
	tmp, err := os.MkdirTemp(filepath.Dir(root), filepath.Base(root)+".new-")
	if err != nil {
		return fmt.Errorf("make a folder for the root: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := runDebootstrap(ctx, o, program, r, tmp, archive); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	return os.Rename(tmp, root)
}

// debootstrap is the path of that program, which is installed when missing.
func debootstrap(ctx context.Context, o Options) (string, error) {
	find := func() string {
		path, _ := exec.LookPath("debootstrap")
		return path
	}
	if find() == "" {
		if err := installPackage(ctx, o, "debootstrap", find); err != nil {
			return "", fmt.Errorf("debootstrap is not installed: %w", err)
		}
	}
	return find(), nil
}

// runDebootstrap ends with this process, and so do its mounts.
func runDebootstrap(ctx context.Context, o Options, program string, r Release, dir, archive string) error {
	g, err := newGroup()
	if err != nil {
		return err
	}
	defer g.close()
	line := slices.Concat(isolated, []string{program, "--variant=minbase", "--include=rabbitmq-server",
		r.debian, dir, archive, debootstrapScript(r.debian)})
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.guard.Process.Pid}
	if err := runSlow(o, fmt.Sprintf("making a root of Debian %s for RabbitMQ %s, once", r.debian, r.Version), cmd); err != nil {
		return fmt.Errorf("debootstrap %s: %w", r.debian, err)
	}
	return nil
}

// debootstrapScript is the one for a release. A debootstrap that is older than
// the release has none of its name; sid's is that of all since 2013.
func debootstrapScript(release string) string {
	const scripts = "/usr/share/debootstrap/scripts"
	if path := filepath.Join(scripts, release); exists(path) {
		return path
	}
	return filepath.Join(scripts, "sid")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
