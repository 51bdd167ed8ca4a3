package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The S3 server that is used when none is named: versitygw keeps objects as
// files of a folder. The version is pinned so that every machine tests alike.
const (
	gatewayModule  = "github.com/versity/versitygw/cmd/versitygw"
	gatewayVersion = "v1.8.0"
)

// findGateway returns the path of versitygw.
func findGateway() (string, error) {
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path, nil
	}
	path, err := cachedGateway()
	if err != nil {
		return "", err
	}
	if _, err := exec.LookPath(path); err != nil {
		return "", errors.New("versitygw is neither on PATH nor at " + path)
	}
	return path, nil
}

// cachedGateway is where an installed versitygw lies.
func cachedGateway() (string, error) {
	cache, err := cacheDir()
	return filepath.Join(cache, "versitygw-"+gatewayVersion, "versitygw"), err
}

// cacheDir is the folder for what is fetched or built once.
func cacheDir() (string, error) {
	cache := os.Getenv(EnvCache)
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache folder (or set %s): %w", EnvCache, err)
		}
		cache = filepath.Join(user, "logpipe")
	}
	return filepath.Abs(cache)
}

// installGateway builds versitygw into the cache folder. Several processes may
// try at once: one builds, the others wait and use what it built.
func installGateway(ctx context.Context, o Options) (string, error) {
	path, err := cachedGateway()
	if err != nil {
		return "", err
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("there is no go command on PATH")
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	held, err := lockSlow(ctx, o, filepath.Join(dir, "lock"), "the build of versitygw")
	if err != nil {
		return "", err
	}
	defer held.Close()
	if _, err := exec.LookPath(path); err == nil { // another process was faster
		return path, nil
	}
	return path, buildGateway(ctx, o, goTool, path)
}

// buildGateway builds beside path and renames, so that whoever finds the
// program finds a whole one.
func buildGateway(ctx context.Context, o Options, goTool, path string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return fmt.Errorf("make a folder to build in: %w", err)
	}
	defer os.RemoveAll(tmp)
	cmd := exec.CommandContext(ctx, goTool, "install", gatewayModule+"@"+gatewayVersion)
	cmd.Dir = tmp
	// Flags and targets that were set for logpipe's own build must not reach this one.
	cmd.Env = append(os.Environ(), "GOBIN="+tmp, "GOFLAGS=", "GOWORK=off", "GOOS=", "GOARCH=", "CGO_ENABLED=0")
	if err := runSlow(o, "building the S3 server versitygw "+gatewayVersion+", once", cmd); err != nil {
		return fmt.Errorf("go install %s@%s: %w", gatewayModule, gatewayVersion, err)
	}
	return os.Rename(filepath.Join(tmp, "versitygw"), path)
}

// startGateway launches a server and waits until it answers. Where the file
// system has no extended attributes, which versitygw needs for what S3 keeps
// beside an object, it is launched again with a folder for them.
func startGateway(ctx context.Context, o Options, program string) (*S3, error) {
	s, err := launchGateway(ctx, o, program, false)
	if err != nil && strings.Contains(err.Error(), "xattr") {
		s, err = launchGateway(ctx, o, program, true)
	}
	if err != nil {
		return nil, err
	}
	o.logf("the S3 server answers on %s", s.Endpoint)
	return s, nil
}

func launchGateway(ctx context.Context, o Options, program string, sidecar bool) (*S3, error) {
	c, err := newChild("s3", 1)
	if err != nil {
		return nil, fmt.Errorf("prepare an S3 server: %w", err)
	}
	s := ownS3(c.ports[0])
	s.run, s.Data, s.program = c, o.Data, program
	if s.Data == "" {
		s.Data = c.dir.join("data")
	}
	args := []string{"--port", c.ports[0].address(), "--region", s.Region, "--quiet", "--keep-alive", "posix"}
	if sidecar {
		args = append(args, "--sidecar", c.dir.join("attributes"))
		err = os.MkdirAll(c.dir.join("attributes"), 0o700)
	}
	if err := errors.Join(err, os.MkdirAll(s.Data, 0o755)); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare an S3 server: %w", err), s.Close())
	}
	c.command = func() *exec.Cmd {
		cmd := exec.Command(program, append(args, s.Data)...)
		cmd.Dir = c.dir.path
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
		return cmd
	}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	return s, nil
}
