package cli

import (
	"io"
	"io/fs"
	"os"

	"github.com/logpipe/logpipe/engine/config"
)

// stdin is the path that stands for standard input.
const stdin = "-"

// IsOnceOnly reports whether what a path leads to is gone when it was read: standard input, or a pipe such as <(command) of a shell. A command
// that reads it twice would find nothing.
func IsOnceOnly(path string) bool {
	info, err := os.Stat(path)
	return path == stdin || err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) != 0
}

// OnceOnlyName is what such a path is called.
func OnceOnlyName(path string) string {
	if path == stdin {
		return "standard input"
	}
	return "the pipe " + path
}

// onceOnly gives what is to be read of those of the paths that can be read only once, and keeps it for the next that asks. What cannot be read is left
// to config.Load, which says why.
func (a *App) onceOnly(paths []string) map[string][]byte {
	for _, path := range paths {
		if _, have := a.contents[path]; have || !IsOnceOnly(path) || path == stdin && a.In == nil {
			continue
		}
		src, err := a.readOnce(path)
		if err != nil {
			continue
		}
		if a.contents == nil {
			a.contents = map[string][]byte{}
		}
		a.contents[path] = src
	}
	return a.contents
}

// readOnce reads a byte more than a configuration may have, so that one that is too large is seen as such.
func (a *App) readOnce(path string) ([]byte, error) {
	from := a.In
	if path != stdin {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	return io.ReadAll(io.LimitReader(from, config.MaxFile+1))
}

// IsInput reports whether a path is standard input, by whatever name, such as /dev/stdin.
func (a *App) IsInput(path string) bool {
	if path == stdin {
		return true
	}
	in, ok := a.In.(*os.File)
	if !ok {
		return false
	}
	info, err := os.Stat(path)
	own, ownErr := in.Stat()
	return err == nil && ownErr == nil && os.SameFile(info, own)
}
