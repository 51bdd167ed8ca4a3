// Package folder is an output: each batch is a file of a folder, a message a line.
package folder

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/logpipe/logpipe/engine"
)

// Plugin is the output "folder".
var Plugin = engine.NewOutput("folder", "Writes each batch as a file of lines.", func() Config { return Config{} }, New)

// Config is its configuration.
type Config struct {
	Folder string `hcl:"folder" doc:"The folder; it must be there." example:"/var/lib/logs"`
}

// New makes the output.
func New(c Config, _ engine.Env) (engine.Output, error) { return output{c}, nil }

type output struct{ Config }

func (o output) Write(_ context.Context, b *engine.Batch) error {
	var lines []byte
	for i, m := range b.Messages {
		if bytes.ContainsRune(m.Body, '\n') {
			b.Reject(i, errors.New("a line break in a message, which is a line here"))
			continue
		}
		lines = append(append(lines, m.Body...), '\n')
	}
	path := filepath.Join(o.Folder, b.ID)
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	dir, err := os.Open(o.Folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close()) // durable only now
}

func (output) Close(context.Context) error { return nil }
