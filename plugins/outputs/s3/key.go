package s3

import (
	"fmt"
	"strings"

	"github.com/logpipe/logpipe/engine"
)

// maxKey is the longest name of an object, in bytes (Amazon S3 User Guide, "Naming Amazon S3 objects").
const maxKey = 1024

// key is the name of the object of a batch. It depends on the sealed parts of the batch alone, so that each attempt, also
// after a restart, names the same object. A key that is too long is so for each message of the batch: they share what it
// is made of.
func (o *output) key(b *engine.Batch) (string, error) {
	if b.ID == "" {
		return "", fmt.Errorf("name an object in bucket %s: the batch has no id", o.cfg.Bucket)
	}
	name, err := o.cfg.Key.Render(b)
	if err != nil {
		return "", fmt.Errorf("render key %s: %w", o.cfg.Key, err)
	}
	if extension := o.encoder.Compression().Extension(); !strings.HasSuffix(name, extension) {
		name += extension
	}
	if len(name) > maxKey {
		return "", engine.Permanent(fmt.Errorf("the key of the object would have %d bytes, and S3 takes at most %d: %.80s…", len(name), maxKey, name))
	}
	return name, nil
}

// Rehearse names the object of a batch, and rejects what the format cannot carry.
func (o *output) Rehearse(b *engine.Batch) (string, error) {
	o.encoder.Format().Rehearse(b)
	return o.key(b)
}
