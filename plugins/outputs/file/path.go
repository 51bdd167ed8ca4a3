package file

import (
	"fmt"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// constant returns what the template always renders; ok is false where that depends on the batch.
func constant(t engine.Template) (path string, ok bool) {
	if len(t.Refs()) > 0 {
		return "", false
	}
	path, err := t.Render(&engine.Batch{})
	return path, err == nil
}

// prefix is the text that everything the template renders begins with.
func prefix(t engine.Template) string { return pattern(t, encode.None).Prefix }

// pattern is the text that everything the template renders begins and ends with. It is found by rendering two batches that differ in all
// that a template can say of one, from the first letter to the last.
func pattern(t engine.Template, c encode.Compression) *engine.PathPattern {
	one, err := t.Render(probe(t, "a", time.Date(2006, 1, 2, 3, 4, 5, 0, time.UTC)))
	if err != nil {
		return &engine.PathPattern{}
	}
	two, err := t.Render(probe(t, "b", time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)))
	if err != nil {
		return &engine.PathPattern{}
	}
	one, two = withExtension(one, c), withExtension(two, c)
	n := 0
	for n < min(len(one), len(two)) && one[n] == two[n] {
		n++
	}
	p := &engine.PathPattern{Prefix: one[:n]}
	one, two = one[n:], two[n:]
	for n = 0; n < min(len(one), len(two)) && one[len(one)-1-n] == two[len(two)-1-n]; n++ {
	}
	p.Suffix = one[len(one)-n:]
	p.Folders = strings.Count(one[:len(one)-n], "/")
	return p
}

func probe(t engine.Template, value string, at time.Time) *engine.Batch {
	var names, values []string
	for _, ref := range t.Refs() {
		if name, ok := strings.CutPrefix(ref, "batch.partition."); ok {
			names, values = append(names, name), append(values, value)
		}
	}
	return &engine.Batch{ID: value, Time: at, Partition: engine.JoinPartition(names, values)}
}

// withExtension is path with the end that says how the file is packed.
func withExtension(path string, c encode.Compression) string {
	if encode.CompressionOf(path) == c {
		return path
	}
	return path + c.Extension()
}

// pathOf renders the path of a batch. Values of messages are part of it. The configuration makes them safe, see engine.Template;
// that none of them leads out of its folder is looked at here again, because it would let a message choose any file.
func (o *Output) pathOf(b *engine.Batch) (string, error) {
	if o.path != "" {
		return o.path, nil
	}
	path, err := o.cfg.Path.Render(b)
	if err != nil {
		return "", fmt.Errorf("render path: %w", err)
	}
	if path == "" || strings.HasSuffix(path, "/") || strings.IndexByte(path, 0) >= 0 || climbs(path) > climbs(o.prefix) {
		return "", engine.Permanent(fmt.Errorf("partition %q makes the path %q, which is no file here", b.Partition, path))
	}
	return withExtension(path, o.encoder.Compression()), nil
}

// Rehearse names the file of a batch, and rejects what the format cannot carry. A fallback carries everything.
func (o *Output) Rehearse(b *engine.Batch) (string, error) {
	if o.env.Role != engine.RoleFallback {
		o.encoder.Format().Rehearse(b)
	}
	return o.pathOf(b)
}

// climbs counts the steps upwards in a path.
func climbs(path string) (n int) {
	for step := range strings.SplitSeq(path, "/") {
		if step == ".." {
			n++
		}
	}
	return n
}
