package s3

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// Plugin is the output "s3".
var Plugin = engine.NewOutput("s3", doc, Defaults, New)

const doc = `Writes each batch as one object into Amazon S3 or a server that speaks its protocol.

An object is written in one request and is there as a whole or not at all. Each attempt for a batch writes the same bytes under
the same key, so an upload whose answer was lost leaves one object. The messages stand one a line, in order; a reader must
split at line feeds alone and take an empty line as an empty message. Metadata of the object says how many messages it
has, the times of the first and the last, the batch's id and the version of logpipe.

Nothing that the server says makes logs go to the dead letter, except what is true of a message alone: missing buckets,
refused credentials and full disks are repaired while the logs wait.

Group messages by a batch processor in front: each object costs a request.`

// output is the plugin's engine.Output and engine.Checker.
type output struct {
	cfg     Config
	log     *slog.Logger
	version string
	encoder *encode.Encoder

	// noExpect: something before the server refused Expect: 100-continue. It is not asked again.
	noExpect atomic.Bool
	packed   packed

	mu      sync.Mutex
	client  *client   // nil: none yet, or the last one is forgotten
	refused time.Time // when one was last forgotten because of a refusal that does not name the credentials
}

// New makes the output. It touches no network: the first Write connects.
func New(cfg Config, env engine.Env) (engine.Output, error) {
	format, err := encode.FormatFor(cfg.Format, env.Role)
	if err != nil {
		return nil, err
	}
	encoder, err := encode.New(format, cfg.compression(), cfg.CompressionLevel)
	if err != nil {
		return nil, err
	}
	return &output{cfg: cfg, log: env.Log, version: env.Version, encoder: encoder}, nil
}

// Write puts the batch into one object. A message that the format cannot carry is rejected, the others are stored.
func (o *output) Write(ctx context.Context, b *engine.Batch) error {
	key, err := o.key(b)
	if err != nil {
		return err
	}
	attempt, cancel := context.WithTimeoutCause(ctx, o.cfg.Timeout, errSlow)
	defer cancel()
	c, err := o.ready(attempt) // before the work of packing, which is in vain without credentials
	if err != nil {
		return fail("put object "+key, err)
	}
	buffer, err := o.encoder.Encode(b)
	if err != nil {
		return fail("put object "+key, err)
	}
	defer buffer.Release()
	if buffer.Messages == 0 {
		return nil // all were rejected
	}
	err = put(attempt, c, o.request(key, b, buffer))
	if o.refusesToExpect(err) {
		o.forget(c.client)
		if c, err = o.ready(attempt); err != nil {
			return fail("put object "+key, err)
		}
		err = put(attempt, c, o.request(key, b, buffer))
	}
	if err == nil || o.isThere(attempt, c, err, key, b, buffer) {
		o.packed.note(buffer)
		return nil
	}
	return fail("put object "+key+" into bucket "+o.cfg.Bucket, o.explain(attempt, c, err, buffer))
}

// put uploads an object. net/http may go on reading the body of a call that has returned. The SDK ends that before PutObject returns
// (smithy-go, transport/http/client.go), so the buffer can be released.
func put(ctx context.Context, c session, request *s3.PutObjectInput) error {
	answer, err := c.api.PutObject(ctx, request)
	if err == nil && answer.ETag == nil {
		return errNoETag
	}
	return err
}

// refusesToExpect reports whether err is the answer to a question that need not be asked: Expect: 100-continue, which the SDK sends with large
// bodies and some proxies do not know. It says so once, so that an upload is repeated once at most.
func (o *output) refusesToExpect(err error) bool {
	a, answered := readAnswer(err)
	return answered && a.status == http.StatusExpectationFailed && !o.noExpect.Swap(true)
}

// errNoETag: a web server may well say 200 to a PUT that it did not care for.
var errNoETag = errors.New("the answer is not that of an S3 server: it has no ETag")

// errSlow is the cause of a context that ended because an upload took too long.
var errSlow = errors.New("upload took too long")

// Check asks whether the bucket is there, and says in the log that it is; the engine says that it is not. It puts no object, so a right to write is not proven. It lists one object, for
// which the same right is needed as for HeadBucket, whose answers have no words.
func (o *output) Check(ctx context.Context) error {
	attempt, cancel := context.WithTimeoutCause(ctx, o.cfg.Timeout, errSlow)
	defer cancel()
	c, err := o.ready(attempt)
	if err == nil {
		one := int32(1)
		if _, err = c.api.ListObjectsV2(attempt, &s3.ListObjectsV2Input{Bucket: &o.cfg.Bucket, MaxKeys: &one, RequestPayer: o.cfg.payer()}); err == nil {
			o.log.Info("the bucket answers", "bucket", o.cfg.Bucket)
			return nil
		}
		if a, _ := readAnswer(err); a.code == "AccessDenied" {
			err = &failure{"cannot tell whether it is well, because the credentials may not list it (s3:ListBucket); uploads are tried all the same", err, "forbidden"}
		} else {
			err = o.explain(attempt, c, err, nil)
		}
	}
	return fail("look at bucket "+o.cfg.Bucket, err)
}

// Close closes the connections.
func (o *output) Close(context.Context) error {
	o.mu.Lock()
	c := o.client
	o.mu.Unlock()
	if c != nil {
		o.forget(c)
	}
	return nil
}
