package s3

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// checkObject checks what the objects are and how they are kept.
func (c *Config) checkObject() error {
	var errs []error
	compression := c.compression()
	_, err := encode.FormatFor(c.Format, engine.RoleOutput)
	errs = append(errs, err)
	if err := oneOf("compression", string(compression), "none", "gzip", "zstd"); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, compression.CheckLevel(c.CompressionLevel))
	}
	errs = append(errs, plainText("content_type", c.ContentType), c.checkEncoding())
	// Other servers have storage classes and ACLs of their own.
	if class := types.StorageClass(c.StorageClass); c.Endpoint == "" && class != "" && !slices.Contains(class.Values(), class) {
		errs = append(errs, engine.AttrErrorf("storage_class", "there is no storage class %q; there are %s", class, names(class.Values())))
	}
	if acl := types.ObjectCannedACL(c.ACL); c.Endpoint == "" && acl != "" && !slices.Contains(acl.Values(), acl) {
		errs = append(errs, engine.AttrErrorf("acl", "there is no ACL %q; there are %s", acl, names(acl.Values())))
	}
	errs = append(errs, plainText("acl", c.ACL), c.checkEncryption(), c.checkTags(), c.checkMetadata())
	return errors.Join(errs...)
}

// checkEncoding finds objects that are called packed and are not: whoever fetches one cannot unpack it.
func (c *Config) checkEncoding() error {
	for name := range strings.SplitSeq(strings.ToLower(c.ContentEncoding), ",") {
		switch name = strings.TrimPrefix(strings.TrimSpace(name), "x-"); name {
		case "gzip", "zstd", "br", "deflate", "compress":
			if name != string(c.compression()) {
				return engine.AttrErrorf("content_encoding", "objects would be called %s, and compression says %s: clients could not unpack them", name, c.compression())
			}
		case "aws-chunked":
			return engine.AttrErrorf("content_encoding", "aws-chunked is how an upload travels, and is set by itself")
		}
	}
	return plainText("content_encoding", c.ContentEncoding)
}

func (c *Config) checkEncryption() error {
	err := oneOf("server_side_encryption", c.ServerSideEncryption, "AES256", "aws:kms", "aws:kms:dsse")
	if c.KMSKey != "" && !strings.HasPrefix(c.ServerSideEncryption, "aws:kms") {
		err = errors.Join(err, engine.AttrErrorf("kms_key", `a key is used with server_side_encryption = "aws:kms" or "aws:kms:dsse" only`))
	}
	if c.BucketKey && c.ServerSideEncryption != "aws:kms" {
		err = errors.Join(err, engine.AttrErrorf("bucket_key", `a bucket key is used with server_side_encryption = "aws:kms" only`))
	}
	return err
}

// Bounds of tags (Amazon S3 User Guide, "Categorizing your objects using tags").
const (
	maxTags     = 10
	maxTagKey   = 128 // characters
	maxTagValue = 256
)

func (c *Config) checkTags() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, engine.AttrErrorf("tags", format, args...)) }
	if len(c.Tags) > maxTags {
		wrong("an object has at most %d tags; these are %d", maxTags, len(c.Tags))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tags)) {
		switch value := c.Tags[name]; {
		case name == "" || utf8.RuneCountInString(name) > maxTagKey:
			wrong("the name of a tag has 1 to %d characters; %.40q has %d", maxTagKey, name, utf8.RuneCountInString(name))
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			wrong("%q: names that begin with aws: are Amazon's own", name)
		case utf8.RuneCountInString(value) > maxTagValue:
			wrong("the value of %q has %d characters; a tag has at most %d", name, utf8.RuneCountInString(value), maxTagValue)
		case strings.ContainsFunc(name+value, isControl):
			wrong("%q has a control character", name)
		}
	}
	return errors.Join(errs...)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// tagging is the tags as the header x-amz-tagging has them, in one order, so that each attempt is the same request.
func (c *Config) tagging() *string {
	all := url.Values{}
	for name, value := range c.Tags {
		all.Set(name, value)
	}
	// A plus is no space to every server that reads it.
	return optional(strings.ReplaceAll(all.Encode(), "+", "%20"))
}

// maxMetadata is what is left of the 2 KB for metadata (Amazon S3 User Guide, "Working with object metadata") beside our own.
const maxMetadata = 2048 - 512

// ourMetadata is what names of our own metadata begin with.
const ourMetadata = "logpipe-"

func (c *Config) checkMetadata() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, engine.AttrErrorf("metadata", format, args...)) }
	size, seen := 0, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
		value, lower := c.Metadata[name], strings.ToLower(name)
		size += len(name) + len(value)
		switch {
		case name == "" || strings.ContainsFunc(name, isNoNamePart):
			wrong("%q cannot be the name of a header: letters, digits, - and _ can", name)
		case strings.HasPrefix(lower, ourMetadata):
			wrong("%q: names that begin with %s are set by logpipe", name, ourMetadata)
		case seen[lower] != "":
			wrong("%q and %q are one name to a server", seen[lower], name)
		case strings.TrimSpace(value) != value:
			wrong("the value of %q has white space at an end, which a header loses", name)
		default:
			errs = append(errs, plainText("metadata", value))
		}
		seen[lower] = name
	}
	if size > maxMetadata {
		wrong("these are %d bytes; an object has room for %d beside its own", size, maxMetadata)
	}
	return errors.Join(errs...)
}

func isNoNamePart(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
}

// contentType is what the objects are called to those who fetch them. An object that is unpacked on the way, because it has a
// Content-Encoding, arrives as lines.
func (c *Config) contentType() string {
	if c.ContentType != "" {
		return c.ContentType
	}
	if c.ContentEncoding == "" {
		switch c.compression() {
		case encode.Gzip:
			return "application/gzip"
		case encode.Zstd:
			return "application/zstd"
		}
	}
	return "application/x-ndjson"
}

func names[T ~string](values []T) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return strings.Join(all, ", ")
}
