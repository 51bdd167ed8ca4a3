package s3

import (
	"crypto/md5"
	"encoding/base64"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// request is the same for each attempt of a batch.
func (o *output) request(key string, b *engine.Batch, buffer *encode.Buffer) *s3.PutObjectInput {
	size, contentType := buffer.Size(), o.cfg.contentType()
	return &s3.PutObjectInput{
		Bucket:               &o.cfg.Bucket,
		Key:                  &key,
		Body:                 buffer.Reader(),
		ContentLength:        &size,
		ContentType:          &contentType,
		ContentEncoding:      optional(o.cfg.ContentEncoding),
		ContentMD5:           o.contentMD5(buffer),
		StorageClass:         types.StorageClass(o.cfg.StorageClass),
		ServerSideEncryption: types.ServerSideEncryption(o.cfg.ServerSideEncryption),
		SSEKMSKeyId:          optional(o.cfg.KMSKey),
		BucketKeyEnabled:     yes(o.cfg.BucketKey),
		ACL:                  types.ObjectCannedACL(o.cfg.ACL),
		RequestPayer:         o.cfg.payer(),
		Tagging:              o.cfg.tagging(),
		Metadata:             o.metadata(b, buffer),
	}
}

// metadata is what the object says of itself.
func (o *output) metadata(b *engine.Batch, buffer *encode.Buffer) map[string]string {
	all := map[string]string{
		ourMetadata + "batch":      url.PathEscape(b.ID), // a header carries ASCII only
		ourMetadata + "messages":   strconv.Itoa(buffer.Messages),
		ourMetadata + "first-time": buffer.First.UTC().Format(time.RFC3339Nano),
		ourMetadata + "last-time":  buffer.Last.UTC().Format(time.RFC3339Nano),
		ourMetadata + "version":    url.PathEscape(o.version),
	}
	maps.Copy(all, o.cfg.Metadata)
	return all
}

func (o *output) contentMD5(buffer *encode.Buffer) *string {
	if o.cfg.Checksum != "md5" {
		return nil
	}
	sum := md5.New()
	for _, part := range buffer.Parts() {
		sum.Write(part)
	}
	text := base64.StdEncoding.EncodeToString(sum.Sum(nil))
	return &text
}

// payer is what requests of any kind say to a bucket with requester pays.
func (c *Config) payer() types.RequestPayer {
	if c.RequestPayer {
		return types.RequestPayerRequester
	}
	return ""
}

func yes(b bool) *bool {
	if b {
		return &b
	}
	return nil // as the bucket says
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
