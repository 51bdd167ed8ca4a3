package s3

import (
	"context"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// isThere reports whether the server refuses an object because it has it: the answer of an earlier upload was lost, in this process or the
// one before, and the bucket lets nobody overwrite (object lock, a policy, a condition that a proxy adds). Such a batch is stored. The
// server is asked only after answers that can mean this, and believed only when batch and length are ours.
func (o *output) isThere(ctx context.Context, c session, err error, key string, b *engine.Batch, buffer *encode.Buffer) bool {
	a, answered := readAnswer(err)
	if !answered || a.namesCredentials() {
		return false
	}
	switch a.status {
	case http.StatusForbidden, http.StatusConflict, http.StatusPreconditionFailed, http.StatusMethodNotAllowed:
	default:
		return false
	}
	head, err := c.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.cfg.Bucket, Key: &key, RequestPayer: o.cfg.payer()})
	if err != nil || head.ContentLength == nil || *head.ContentLength != buffer.Size() ||
		head.Metadata[ourMetadata+"batch"] != url.PathEscape(b.ID) {
		return false
	}
	o.log.Info("an object that the server lets nobody overwrite is there already: an earlier upload of this batch was stored", "key", key)
	return true
}
