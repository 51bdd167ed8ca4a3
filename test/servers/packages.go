package servers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Package is a package of Debian and a file that it brings, by which it is
// known to be there, perhaps with wild cards.
type Package struct{ Name, File string }

// Packages installs those of the packages that are missing, all at once. The
// terms are those of [TestBroker]. No service is started.
func Packages(tb testing.TB, packages ...Package) {
	tb.Helper()
	_, err := start(tb, func(ctx context.Context, o Options) (struct{}, error) {
		return struct{}{}, installMissing(ctx, o, packages)
	}, Options{})
	check(tb, err)
}

func installMissing(ctx context.Context, o Options, packages []Package) error {
	names := missing(packages)
	if len(names) == 0 {
		return nil
	}
	all := strings.Join(names, " ")
	there := func() string {
		if len(missing(packages)) == 0 {
			return all
		}
		return ""
	}
	if err := installPackages(ctx, o, names, there); err != nil {
		none := &unavailable{server: "package of " + all, advice: "install these, or run as root on Debian"}
		none.add("apt-get", err)
		return none
	}
	return nil
}

// missing are the packages whose file is not there.
func missing(packages []Package) (names []string) {
	for _, p := range packages {
		if found, _ := filepath.Glob(p.File); len(found) == 0 {
			names = append(names, p.Name)
		}
	}
	return names
}

// Cache is a folder of this name that outlives the test, for what takes long
// to fetch or build: fill is called once, with a folder to fill in its place.
// Several processes may ask at once; one fills, the others wait.
func Cache(tb testing.TB, name string, fill func(folder string) error) string {
	tb.Helper()
	path, err := start(tb, func(ctx context.Context, o Options) (string, error) { return cached(ctx, o, name, fill) }, Options{})
	check(tb, err)
	return path
}

func cached(ctx context.Context, o Options, name string, fill func(folder string) error) (string, error) {
	root, err := cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	held, err := lockSlow(ctx, o, filepath.Join(root, name+".lock"), name)
	if err != nil {
		return "", err
	}
	defer held.Close()
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	tmp, err := os.MkdirTemp(root, "fill-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := errors.Join(os.Chmod(tmp, 0o755), fill(tmp)); err != nil {
		return "", err
	}
	return path, os.Rename(tmp, path)
}
