package servers

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// S3 is an S3 server. Buckets are addressed by path. Its methods may be called
// from several goroutines.
type S3 struct {
	*server
	Endpoint  string // http://host:port
	AccessKey string
	SecretKey string
	Region    string
	Data      string // the folder where objects lie as files, <bucket>/<key>; empty if not on this machine
	program   string // that runs it here, or ""
}

// StartS3 finds or starts an S3 server, in the order that the package comment
// gives, and returns when it answers. The error wraps ErrUnavailable if there
// is no way to a server on this machine. The caller closes the server.
func StartS3(ctx context.Context, o Options) (*S3, error) {
	if endpoint := os.Getenv(EnvS3); endpoint != "" && !o.Own {
		return namedS3(ctx, endpoint)
	}
	none := &unavailable{server: "S3 server", advice: "set " + EnvS3 + " to the endpoint of a server for tests" +
		", install the program versitygw, start a Docker engine, or install the Go toolchain, which builds one"}
	program, err := findGateway()
	if err == nil {
		return startGateway(ctx, o, program)
	}
	none.add("program", err)
	if err := dockerAnswers(ctx); err == nil {
		return startS3Container(ctx, o)
	} else {
		none.add("Docker", err)
	}
	if program, err = installGateway(ctx, o); err != nil {
		none.add("build", err)
		return nil, none
	}
	return startGateway(ctx, o, program)
}

// namedS3 is a server that runs already.
func namedS3(ctx context.Context, endpoint string) (*S3, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%s=%q is no URL of an S3 server such as http://localhost:7070", EnvS3, endpoint)
	}
	s := &S3{
		Endpoint:  endpoint,
		AccessKey: firstEnv(EnvS3Access, "AWS_ACCESS_KEY_ID"),
		SecretKey: firstEnv(EnvS3Secret, "AWS_SECRET_ACCESS_KEY"),
		Region:    firstEnv(EnvS3Region, "AWS_REGION"),
	}
	if s.AccessKey == "" || s.SecretKey == "" {
		return nil, fmt.Errorf("%s is set without keys; set %s and %s", EnvS3, EnvS3Access, EnvS3Secret)
	}
	if s.Region == "" {
		s.Region = defaultRegion
	}
	s.server = &server{name: "the S3 server"}
	var refused smithy.APIError // these keys may not be allowed to list all buckets
	if err := s.listBuckets(ctx); err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("reach the S3 server that %s names: %w", EnvS3, err)
	}
	return s, nil
}

const defaultRegion = "us-east-1"

// firstEnv is the first of some variables that is set.
func firstEnv(names ...string) string {
	for _, name := range names {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// ownS3 is a server on a local port with fresh keys, for a runner that the
// caller adds.
func ownS3(p *port) *S3 {
	s := &S3{Endpoint: "http://" + p.address(), AccessKey: "logpipe-" + randomHex(4), SecretKey: randomHex(16), Region: defaultRegion}
	s.server = &server{name: "the S3 server", probe: s.listBuckets}
	return s
}

// listBuckets lists the buckets, which also proves the keys.
func (s *S3) listBuckets(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := s.Client().ListBuckets(ctx, &s3.ListBucketsInput{})
	return err
}

// Env is what makes StartS3 of another process use this server, as KEY=value.
func (s *S3) Env() []string {
	return []string{EnvS3 + "=" + s.Endpoint, EnvS3Access + "=" + s.AccessKey,
		EnvS3Secret + "=" + s.SecretKey, EnvS3Region + "=" + s.Region}
}

// Version is the server's name and version, as far as its program says it.
func (s *S3) Version() string {
	if s.program == "" {
		return s.name
	}
	info, err := buildinfo.ReadFile(s.program)
	if err != nil {
		return filepath.Base(s.program)
	}
	return filepath.Base(s.program) + " " + info.Main.Version
}

// Client returns a client that tries every call once.
func (s *S3) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint),
		UsePathStyle: true,
		Region:       s.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		Retryer:      aws.NopRetryer{},
	})
}

// MakeBucket makes a bucket, which must not exist.
func (s *S3) MakeBucket(ctx context.Context, name string) error {
	if _, err := s.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return fmt.Errorf("make bucket %s: %w", name, err)
	}
	return nil
}

// DeleteBucket removes a bucket with all that is in it.
func (s *S3) DeleteBucket(ctx context.Context, name string) error {
	c := s.Client()
	objects := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: &name})
	for objects.HasMorePages() {
		page, err := objects.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", name, err)
		}
		if err := deleteObjects(ctx, c, name, page.Contents); err != nil {
			return err
		}
	}
	if _, err := c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name}); err != nil {
		return fmt.Errorf("delete bucket %s: %w", name, err)
	}
	return nil
}

// deleteObjects removes one page of a listing.
func deleteObjects(ctx context.Context, c *s3.Client, bucket string, objects []types.Object) error {
	if len(objects) == 0 {
		return nil
	}
	var ids []types.ObjectIdentifier
	for _, o := range objects {
		ids = append(ids, types.ObjectIdentifier{Key: o.Key})
	}
	out, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: ids}})
	if err != nil {
		return fmt.Errorf("empty bucket %s: %w", bucket, err)
	}
	if len(out.Errors) > 0 {
		e := out.Errors[0]
		return fmt.Errorf("empty bucket %s: object %s: %s", bucket, aws.ToString(e.Key), aws.ToString(e.Message))
	}
	return nil
}
