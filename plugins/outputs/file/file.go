// Package file is the output that appends to files: an archive, a fallback that gives back what it took, a dead letter.
package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// Plugin is the file output.
var Plugin = engine.NewOutput("file", `Appends to files, and answers only when the bytes are on the disk.

Each write is followed by fsync, of the file and where it is new also of its folder; writes that come at the same time
share one. A write that fails, because the disk is full for example, leaves nothing of itself behind. Several processes
may append to one file. A file that was renamed or removed from outside is made anew.

As a fallback it keeps sealed batches: a header line, then the messages, each a line. They come home under their old id, oldest
first, through the pipeline that wrote them, and a file is removed when all of it is home. A file of lines without headers, put there by another
program, comes home too, its last line when it has its end, or nobody has written for 10s; a member "_error", as older log shippers add it, is
taken off. What cannot be read is kept in a file that ends in .corrupt, also lines of other programs behind a sealed batch. Put a fallback on a disk that outlives the process's machine or container.

Rotated files carry the time in front of their extension: app.20260102T150405.000000000Z.ndjson. After a crash, an end that
was never answered is cut off at the start, or with a path per batch at the next write; where it might be another program's, it is kept in a file that ends in .partial.`, Defaults, New)

// maxFiles is how many files are kept open between writes. More are open only while more are written at once.
const maxFiles = 64

// maxKnown is how many more are remembered.
const maxKnown = 4096

// Output is the file output. Make one with New.
type Output struct {
	cfg     Config
	env     engine.Env
	mode    fs.FileMode
	encoder *encode.Encoder
	path    string // "": it depends on the batch
	prefix  string // the folder that such a path begins with; ends in "/" or is ""
	sync    func(*os.File) error

	mu    sync.Mutex
	files map[string]*target
	uses  uint64
	known map[string]place // of files that were closed to make room
	timer *time.Timer      // see tend.go; nil: it does not run

	tending sync.WaitGroup
	ctx     context.Context // of the timer's work
	cancel  context.CancelFunc
}

// target is one file, how many writes are under way to it, and which use of all was the last of it.
type target struct {
	group
	users int
	last  uint64
}

// New makes a file output, and touches no file.
func New(cfg Config, env engine.Env) (engine.Output, error) {
	o := &Output{cfg: cfg, env: env, sync: func(f *os.File) error { return linefile.Fsync(f) }, files: map[string]*target{}, known: map[string]place{}}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	var err error
	if o.mode, err = parseMode(cfg.Mode); err != nil {
		return nil, err
	}
	path, constant := constant(cfg.Path)
	if constant {
		o.path = withExtension(path, encode.Compression(cfg.Compression))
	} else {
		o.prefix = prefix(cfg.Path)
		o.prefix = o.prefix[:strings.LastIndexByte(o.prefix, '/')+1]
	}
	format := encode.Lines // what follows the header of a sealed batch
	if err := cfg.ValidateRole(env.Role); err != nil {
		return nil, err
	}
	if env.Role != engine.RoleFallback {
		if format, err = encode.FormatFor(cfg.Format, env.Role); err != nil {
			return nil, err
		}
	}
	if o.encoder, err = encode.New(format, encode.Compression(cfg.Compression), cfg.CompressionLevel); err != nil {
		return nil, err
	}
	if !constant {
		return o, nil
	}
	if env.Role == engine.RoleFallback {
		return &Fallback{Output: o}, nil
	}
	return o, nil
}

// Write appends b to its file, all of it or nothing.
func (o *Output) Write(ctx context.Context, b *engine.Batch) error {
	if len(b.Messages) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	path, err := o.pathOf(b)
	if err != nil {
		return err
	}
	buf, err := o.encode(b)
	if err != nil {
		return err
	}
	defer buf.Release()
	if buf.Messages == 0 {
		return nil // all rejected
	}
	t := o.use(path)
	defer o.leave(t)
	err = t.write(ctx, buf.Parts())
	o.plan(0)
	if o.path == "" && errors.Is(err, unix.ENAMETOOLONG) { // the values of this partition, and not the disk
		return engine.Permanent(err)
	}
	return withClass(err)
}

// encode makes the bytes of one write: whole lines, and a whole frame where they are compressed.
func (o *Output) encode(b *engine.Batch) (*encode.Buffer, error) {
	if o.env.Role != engine.RoleFallback {
		return o.encoder.Encode(b)
	}
	buf := o.encoder.Buffer()
	buf.AppendRaw(linefile.AppendHeader(nil, o.env.Way(), b))
	for i := range b.Messages {
		buf.Append(&b.Messages[i], nil)
	}
	if err := buf.Finish(); err != nil {
		buf.Release()
		return nil, err
	}
	return buf, nil
}

// use returns the file at path, for one write.
func (o *Output) use(path string) *target {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.files[path]
	if t == nil {
		for len(o.files) >= maxFiles && o.makeRoom() {
		}
		t = &target{group: group{live: o.open(path)}}
		o.files[path] = t
	}
	t.users++
	o.uses++
	t.last = o.uses
	return t
}

func (o *Output) open(path string) *live {
	rotate := int64(o.cfg.RotateBytes)
	if rotate == 0 && o.env.Role == engine.RoleFallback {
		rotate = fallbackRotate
	}
	known := o.known[path]
	delete(o.known, path)
	return &live{
		known:       known,
		path:        path,
		sealed:      o.env.Role == engine.RoleFallback,
		compression: o.encoder.Compression(),
		rotateBytes: rotate,
		rotateAge:   o.cfg.RotateAge,
		mode:        o.mode,
		log:         o.env.Log,
		sync:        o.sync,
	}
}

func (o *Output) leave(t *target) {
	o.mu.Lock()
	t.users--
	o.mu.Unlock()
}

// makeRoom closes the file that nobody has written to for the longest time, and remembers where it ends and how old it is: to find
// out again means to read all of it. It returns false when all are being written to.
func (o *Output) makeRoom() bool {
	var oldest string
	for path, t := range o.files {
		if t.users == 0 && (oldest == "" || t.last < o.files[oldest].last) {
			oldest = path
		}
	}
	if oldest == "" {
		return false
	}
	if len(o.known) >= maxKnown { // any: it costs one look
		for path := range o.known {
			delete(o.known, path)
			break
		}
	}
	o.known[oldest] = o.files[oldest].live.remember()
	o.files[oldest].live.close()
	delete(o.files, oldest)
	return true
}

// Close closes the files; what they hold is durable already.
func (o *Output) Close(context.Context) error {
	o.endTending()
	o.mu.Lock()
	defer o.mu.Unlock()
	for path, t := range o.files {
		if t.users == 0 {
			t.live.close()
			delete(o.files, path)
		}
	}
	return nil
}
