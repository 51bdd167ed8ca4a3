package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// policyFile is asked by Debian's packages before they start their services.
var policyFile = "/usr/sbin/policy-rc.d"

// denyStart refuses every start: 101 means "forbidden by policy".
const denyStart = "#!/bin/sh\n# Written by logpipe's tests for the time of one installation.\nexit 101\n"

// installPackage installs a Debian package for the program that find looks
// for. The package's own service is started neither now nor at the next boot.
func installPackage(ctx context.Context, o Options, name string, find func() string) error {
	return installPackages(ctx, o, []string{name}, find)
}

// installPackages is installPackage for several at once.
func installPackages(ctx context.Context, o Options, names []string, find func() string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("there is no apt-get")
	}
	if os.Getuid() != 0 {
		return errors.New("apt-get needs root")
	}
	share, err := shareDir()
	if err != nil {
		return err
	}
	held, err := lockSlow(ctx, o, filepath.Join(share, "apt.lock"), "apt-get")
	if err != nil {
		return err
	}
	defer held.Close()
	if find() != "" { // another process was faster
		return nil
	}
	all := strings.Join(names, " ")
	if err := aptGet(ctx, o, all, "update"); err != nil {
		return err
	}
	if err := installQuietly(ctx, o, names); err != nil {
		return err
	}
	if find() == "" {
		return fmt.Errorf("package %s is installed, but what was wanted of it is not where it should be", all)
	}
	return nil
}

// installQuietly installs packages without starting their services.
func installQuietly(ctx context.Context, o Options, names []string) error {
	restore, err := denyServices()
	if err != nil {
		return err
	}
	defer restore()
	// An installation that is cut off leaves packages half configured, so a
	// cancelled context waits for its end.
	ctx = context.WithoutCancel(ctx)
	install := append([]string{"install", "-y", "--no-install-recommends"}, names...)
	if err := aptGet(ctx, o, strings.Join(names, " "), install...); err != nil {
		return err
	}
	for _, name := range names {
		// A machine without services answers with an error that tells nothing.
		exec.Command("update-rc.d", name, "disable").Run()
	}
	return nil
}

// aptGet runs one command of apt-get. Another apt-get's lock is waited for.
func aptGet(ctx context.Context, o Options, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	// A group of its own, so that Ctrl-C on the terminal does not cut it off.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := runSlow(o, fmt.Sprintf("apt-get %s, for %s", args[0], name), cmd); err != nil {
		return fmt.Errorf("apt-get %s: %w", args[0], err)
	}
	return nil
}

// denyServices keeps packages from starting services until restore is called.
// A policy of this machine that refuses anyhow is left as it is; one that we
// left behind when we were killed is replaced.
func denyServices() (restore func(), err error) {
	aside := policyFile + ".logpipe"
	text, err := os.ReadFile(policyFile)
	switch {
	case err == nil && string(text) == denyStart: // whatever is aside is the machine's
	case err == nil && refuses(policyFile):
		return func() {}, nil
	case err == nil:
		if err := os.Rename(policyFile, aside); err != nil {
			return nil, fmt.Errorf("put %s aside: %w", policyFile, err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("read %s: %w", policyFile, err)
	}
	if err := os.WriteFile(policyFile, []byte(denyStart), 0o755); err != nil {
		return nil, fmt.Errorf("forbid the start of services: %w", err)
	}
	return func() {
		if os.Rename(aside, policyFile) != nil { // there was none before
			os.Remove(policyFile)
		}
	}, nil
}

// refuses says whether a policy forbids the start of services.
func refuses(policy string) bool {
	var exit *exec.ExitError
	err := exec.Command(policy, "rabbitmq-server", "start").Run()
	return errors.As(err, &exit) && exit.ExitCode() == 101
}
