// Package spool is an input: each file of a folder is a message, and is removed when the message is settled.
package spool

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Plugin is the input "spool".
var Plugin = engine.NewInput("spool", "Reads each file of a folder as a message.", func() Config { return Config{} }, New)

// Config is its configuration.
type Config struct {
	Folder string `hcl:"folder" doc:"The folder." example:"/var/spool/logs"`
}

// New makes the input.
func New(c Config, _ engine.Env) (engine.Input, error) { return &input{Config: c}, nil }

type input struct {
	Config
	tag   uint64
	todo  []string
	taken sync.Map // from tags to names, and from names to nothing: Ack runs beside Read
}

func (in *input) Open(context.Context) error {
	in.todo = nil
	in.taken.Clear()
	return nil
}

func (in *input) Read(ctx context.Context, b *engine.Batch) error {
	for ; len(in.todo) == 0; in.list() {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	name := in.todo[0]
	in.todo = in.todo[1:]
	body, err := os.ReadFile(filepath.Join(in.Folder, name))
	if errors.Is(err, fs.ErrNotExist) { // it was acked while the folder was listed
		return in.Read(ctx, b)
	}
	if err != nil {
		return err
	}
	in.tag++
	in.taken.Store(in.tag, name)
	b.Tag, b.Messages = in.tag, append(b.Messages, engine.Message{Body: body})
	return nil
}

func (in *input) list() {
	entries, _ := os.ReadDir(in.Folder) // one that is missing may come
	for _, e := range entries {
		if _, taken := in.taken.LoadOrStore(e.Name(), nil); !taken {
			in.todo = append(in.todo, e.Name())
		}
	}
}

func (in *input) Ack(_ context.Context, tags []uint64) error {
	for _, tag := range tags {
		name, _ := in.taken.LoadAndDelete(tag)
		if err := os.Remove(filepath.Join(in.Folder, name.(string))); err != nil {
			return err
		}
		in.taken.Delete(name)
	}
	return nil
}

func (in *input) Close(context.Context) error { return nil }
