// Package s3 is the output "s3": one object a batch in Amazon S3 or a server that speaks its protocol.
package s3

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// Config is the configuration of the output. An empty text counts as not set, so that attributes can come from
// environment variables that may be empty.
type Config struct {
	Bucket string          `hcl:"bucket" example:"my-logs" doc:"Name of the bucket, or ARN of an access point. The bucket must exist; while it does not, the pipeline waits."`
	Key    engine.Template `hcl:"key" example:"logs/${batch.date}/${batch.id}.ndjson" doc:"Name of the object of a batch, at most 1024 bytes. It must contain ${batch.id}, by itself and not inside of a function or condition, so that no object replaces another. Values of partitions behind name= are escaped as Hive does. batch.date is that of the first message, and of all with \"@date\" in partition_by. .gz or .zst is appended for a compressed object."`

	Region    string `hcl:"region,optional" doc:"Region of the bucket. Without it that of AWS_REGION or of the profile counts, else us-east-1."`
	Endpoint  string `hcl:"endpoint,optional" doc:"URL of a server other than Amazon's, for example http://localhost:9000."`
	PathStyle string `hcl:"path_style,optional" values:"auto,true,false" doc:"Whether the bucket stands in the path of the URL and not in the name of the host. auto: where an endpoint is set."`

	Format           string `hcl:"format,optional" values:"auto,lines,envelope" doc:"lines: each body as a line; a body with a line break goes to the dead letter. envelope: a JSON object a line with time, id, routing_key, headers, and any body. auto: envelope for a fallback or dead_letter, which must take every message, else lines."`
	Compression      string `hcl:"compression,optional" values:"none,gzip,zstd" doc:"How objects are compressed. zstd makes objects about as small as gzip, mostly in less time."`
	CompressionLevel int    `hcl:"compression_level,optional" doc:"1 (fast) to 9 (small) for gzip, 1 to 22 for zstd; 0 is a middle way."`
	ContentType      string `hcl:"content_type,optional" doc:"Content-Type of the objects. Without it application/x-ndjson, or application/gzip or application/zstd for a compressed object without content_encoding."`
	ContentEncoding  string `hcl:"content_encoding,optional" doc:"Content-Encoding of the objects. With gzip many clients unpack the object when they fetch it, without a word."`

	StorageClass         string `hcl:"storage_class,optional" doc:"Storage class of the objects, for example STANDARD_IA; without it the bucket's."`
	ServerSideEncryption string `hcl:"server_side_encryption,optional" values:"AES256,aws:kms,aws:kms:dsse" doc:"How the server encrypts the objects; without it as the bucket says."`
	KMSKey               string `hcl:"kms_key,optional" doc:"ID or ARN of the KMS key, with a server_side_encryption that has one."`
	BucketKey            bool   `hcl:"bucket_key,optional" doc:"Whether the server encrypts by a key of the bucket, which asks KMS less often and costs less; with server_side_encryption = \"aws:kms\". Without it as the bucket says."`
	Checksum             string `hcl:"checksum,optional" values:"auto,always,required,md5" doc:"Whether uploads carry a checksum beside the signature. always: CRC32 in a header or trailer, which some servers other than Amazon's refuse. md5: Content-MD5, which all servers know and some demand, such as for object lock. required: none, as no upload needs one by the protocol. auto: always on Amazon's, required where an endpoint is set."`

	ACL          string            `hcl:"acl,optional" values:"private,public-read,public-read-write,authenticated-read,aws-exec-read,bucket-owner-read,bucket-owner-full-control" doc:"Canned ACL of the objects. A bucket of another account may demand bucket-owner-full-control; one that allows no ACLs, as they are made today, takes none but that. Needs s3:PutObjectAcl."`
	RequestPayer bool              `hcl:"request_payer,optional" doc:"Whether requests say that their sender pays for them, which a bucket with requester pays demands."`
	Tags         map[string]string `hcl:"tags,optional" example:"{ team = \"payments\" }" doc:"Tags of the objects, at most 10, such as rules of a life cycle go by. Needs s3:PutObjectTagging."`
	Metadata     map[string]string `hcl:"metadata,optional" example:"{ env = \"prod\" }" doc:"Further metadata of the objects, as x-amz-meta-NAME. Names that begin with logpipe- are taken."`

	Timeout time.Duration `hcl:"timeout,optional" doc:"Longest time of one upload."`

	Profile      string        `hcl:"profile,optional" doc:"Profile of the shared AWS files to take credentials and region from."`
	RoleARN      string        `hcl:"role_arn,optional" doc:"ARN of a role to assume."`
	ExternalID   string        `hcl:"external_id,optional" doc:"External ID that the role's trust policy asks for."`
	SessionName  string        `hcl:"session_name,optional" doc:"Name of the session with the role, by which its uploads are found in CloudTrail. Without it logpipe."`
	AccessKey    engine.Secret `hcl:"access_key,optional" doc:"Access key, together with secret_key. Without it the usual places count: AWS_ACCESS_KEY_ID, the shared AWS files, the role of the machine or pod."`
	SecretKey    engine.Secret `hcl:"secret_key,optional" doc:"Secret that belongs to access_key."`
	SessionToken engine.Secret `hcl:"session_token,optional" doc:"Session token that belongs to a temporary access_key."`

	Proxy engine.Secret `hcl:"proxy,optional" doc:"URL of a proxy for requests to the store and for roles, perhaps with user and password; none for no proxy. Without it HTTPS_PROXY, HTTP_PROXY and NO_PROXY count. What the machine or pod is asked for its role never goes by a proxy."`

	TLS *TLS `hcl:"tls,block" doc:"Trust for an endpoint with a certificate of one's own."`
}

// TLS is the block tls.
type TLS struct {
	CA string `hcl:"ca" doc:"File with the certificates (PEM) to trust in place of the system's."`
}

// Defaults is the configuration before the file is read.
func Defaults() Config {
	return Config{PathStyle: "auto", Format: "auto", Compression: "none", Checksum: "auto", Timeout: time.Minute}
}

// Traits says that one object a message is a mistake: the batches want a stage that groups.
func (c *Config) Traits() engine.Traits {
	t := engine.Traits{Sealed: true, LinesOnly: encode.Format(c.Format) != encode.Envelope, Classes: classes}
	if c.TLS != nil {
		t.Files = map[string]string{"tls.ca": c.TLS.CA}
	}
	return t
}

// Validate returns all mistakes of the configuration.
func (c *Config) Validate() error {
	errs := []error{c.checkBucket(), c.checkKey(), c.checkRegion(), c.checkEndpoint(), c.checkObject(), c.checkCredentials(), c.checkRole(), c.checkProxy()}
	errs = append(errs, oneOf("path_style", c.PathStyle, "auto", "true", "false"), oneOf("checksum", c.Checksum, "auto", "always", "required", "md5"))
	if c.Timeout <= 0 {
		errs = append(errs, engine.AttrErrorf("timeout", "an upload needs some time; this is %v", c.Timeout))
	}
	return errors.Join(errs...)
}

// ValidateRole returns what a dead letter cannot have.
func (c *Config) ValidateRole(role engine.Role) error {
	_, err := encode.FormatFor(c.Format, role)
	return err
}

func plainText(attr, value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return engine.AttrErrorf(attr, "%q has characters that no header can carry", value)
	}
	return nil
}

func oneOf(attr, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return engine.AttrErrorf(attr, "%q is none of %s", value, strings.Join(allowed, ", "))
}

func (c *Config) checkBucket() error {
	switch {
	case c.Bucket == "":
		return engine.AttrErrorf("bucket", "the name of the bucket is empty")
	case strings.Contains(c.Bucket, "://") || strings.Contains(c.Bucket, "/") && !isARN(c.Bucket):
		return engine.AttrErrorf("bucket", "%q is more than a name; a prefix goes into key, a server into endpoint", c.Bucket)
	case strings.ContainsFunc(c.Bucket, func(r rune) bool { return r <= ' ' || r > '~' }):
		return engine.AttrErrorf("bucket", "%q has characters that no bucket has", c.Bucket)
	case isARN(c.Bucket) && c.Endpoint != "":
		return engine.AttrErrorf("bucket", "the ARN of an access point says where it is; leave endpoint out, or name a bucket")
	case isARN(c.Bucket) && c.PathStyle == "true":
		return engine.AttrErrorf("bucket", "an access point stands in the name of the host only; leave path_style out, or name a bucket")
	}
	return nil
}

func isARN(bucket string) bool { return strings.HasPrefix(bucket, "arn:") }

const exampleKey = `"logs/${batch.date}/${batch.id}.ndjson"`

func (c *Config) checkKey() error {
	switch {
	case !c.Key.Refers("batch.id"):
		return engine.AttrErrorf("key", "without ${batch.id} one object would replace another; write for example %s", exampleKey)
	case !c.Key.Holds("batch.id"):
		return engine.AttrErrorf("key", "a function or a condition may leave out a part of batch.id, so that one object would replace another; "+
			"write ${batch.id} by itself, for example %s", exampleKey)
	case strings.HasPrefix(c.Key.String(), "/"):
		return engine.AttrErrorf("key", "a slash at the start makes a folder without a name; leave it out")
	}
	if named := encode.CompressionOf(c.Key.String()); named != encode.None && named != c.compression() {
		return engine.AttrErrorf("key", "the name says %s, and compression says %s; leave out the ending, which is appended by itself", named, c.compression())
	}
	for step := range strings.SplitSeq(c.Key.String(), "/") {
		if step == "." || step == ".." {
			return engine.AttrErrorf("key", "keys have no %q; servers and tools that know it read another name", step)
		}
	}
	return nil
}

// checkRegion is generous: servers other than Amazon's have regions of any name.
func (c *Config) checkRegion() error {
	if strings.ContainsFunc(c.Region, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`/\:@?#"'`, r) }) {
		return engine.AttrErrorf("region", "%q is no name of a region, such as us-east-1", c.Region)
	}
	return nil
}

func (c *Config) checkEndpoint() error {
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		// The text of err is not shown: it repeats what may hold a password.
		return engine.AttrErrorf("endpoint", "that is no URL of a server, such as http://localhost:9000 or https://s3.example.com")
	case u.User != nil:
		return engine.AttrErrorf("endpoint", "credentials do not belong into the URL; use access_key and secret_key")
	case u.RawQuery != "" || u.Fragment != "":
		return engine.AttrErrorf("endpoint", "a URL of a server ends before ? and #")
	}
	return nil
}

func (c *Config) checkCredentials() error {
	var errs []error
	access, secret, token := c.AccessKey.Reveal() != "", c.SecretKey.Reveal() != "", c.SessionToken.Reveal() != ""
	switch {
	case access && !secret:
		errs = append(errs, engine.AttrErrorf("access_key", "access_key needs secret_key beside it"))
	case secret && !access:
		errs = append(errs, engine.AttrErrorf("secret_key", "secret_key needs access_key beside it"))
	}
	if token && !access {
		errs = append(errs, engine.AttrErrorf("session_token", "session_token needs access_key and secret_key beside it"))
	}
	if c.Profile != "" && access {
		errs = append(errs, engine.AttrErrorf("profile", "credentials come from profile or from access_key, not from both"))
	}
	if c.TLS != nil && c.TLS.CA == "" {
		errs = append(errs, engine.AttrErrorf("tls.ca", "the name of the file is empty; leave the block out to trust the system's certificates"))
	}
	return errors.Join(errs...)
}

// What STS takes (AWS STS API Reference, "AssumeRole").
var (
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

func (c *Config) checkRole() error {
	var errs []error
	if c.RoleARN != "" && !strings.HasPrefix(c.RoleARN, "arn:") {
		errs = append(errs, engine.AttrErrorf("role_arn", "%q is no ARN of a role, such as arn:aws:iam::123456789012:role/logs", c.RoleARN))
	}
	for _, a := range []struct {
		attr, value string
		form        *regexp.Regexp
		says        string
	}{
		{"external_id", c.ExternalID, externalID, "an external ID has 2 to 1224 letters, digits and _+=,.@:/-"},
		{"session_name", c.SessionName, sessionName, "the name of a session has 2 to 64 letters, digits and _+=,.@-"},
	} {
		switch {
		case a.value == "":
		case c.RoleARN == "":
			errs = append(errs, engine.AttrErrorf(a.attr, "%s needs role_arn beside it", a.attr))
		case !a.form.MatchString(a.value) || len(a.value) > 1224:
			errs = append(errs, engine.AttrErrorf(a.attr, "%.60q: %s", a.value, a.says))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) compression() encode.Compression {
	if c.Compression == "" {
		return encode.None
	}
	return encode.Compression(c.Compression)
}
