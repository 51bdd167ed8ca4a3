package servers

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func put(t *testing.T, s *S3, bucket, key, body string) {
	t.Helper()
	_, err := s.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *S3, bucket, key string) string {
	t.Helper()
	out, err := s.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestS3KeepsObjects(t *testing.T) {
	s, bucket := TestS3(t), Bucket(t)
	put(t, s, bucket, "a/b", "hello")
	if got := get(t, s, bucket, "a/b"); got != "hello" {
		t.Errorf("got %q, put hello", got)
	}
}

func TestBucketIsRemovedWithItsTest(t *testing.T) {
	s := TestS3(t)
	var bucket string
	t.Run("user", func(t *testing.T) {
		bucket = Bucket(t)
		put(t, s, bucket, "a/b", "x")
		put(t, s, bucket, "c", "x")
	})
	if _, err := s.Client().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket}); err == nil {
		t.Error("the bucket of an ended test is still there")
	}
}

func TestS3Life(t *testing.T) {
	before := descendants(t, os.Getpid())
	s, ctx := OwnS3(t), t.Context()
	step(t, "make a bucket", s.MakeBucket(ctx, "life"))
	put(t, s, "life", "k", "v")

	step(t, "stop", s.Stop(ctx))
	if err := s.listBuckets(ctx); err == nil {
		t.Error("a stopped server answers")
	}
	step(t, "start", s.Start(ctx))
	if got := get(t, s, "life", "k"); got != "v" {
		t.Errorf("after Stop and Start: %q", got)
	}
	step(t, "kill", s.Kill())
	step(t, "start", s.Start(ctx))
	if got := get(t, s, "life", "k"); got != "v" {
		t.Errorf("after Kill and Start: %q", got)
	}

	step(t, "pause", s.Pause())
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if err := s.listBuckets(short); err == nil {
		t.Error("a paused server answers")
	}
	step(t, "stop", s.Stop(ctx)) // also a paused one
	if err := s.Pause(); err == nil {
		t.Error("a stopped server can be paused")
	}
	step(t, "start", s.Start(ctx))
	step(t, "answer", s.listBuckets(ctx))

	ours := without(descendants(t, os.Getpid()), before)
	step(t, "close", s.Close())
	step(t, "close again", s.Close())
	mustVanish(t, ours)
}

func TestS3DataOutlivesIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for round := range 2 {
		s, err := start(t, StartS3, Options{Own: true, Data: dir})
		check(t, err)
		if s.Data == "" {
			s.Close()
			t.Skip("this S3 server does not keep objects as files")
		}
		if round == 0 {
			step(t, "make a bucket", s.MakeBucket(t.Context(), "kept"))
			put(t, s, "kept", "k", "v")
		} else if got := get(t, s, "kept", "k"); got != "v" {
			t.Errorf("in the second life: %q", got)
		}
		step(t, "close", s.Close())
	}
	if body, err := os.ReadFile(filepath.Join(dir, "kept", "k")); err != nil || string(body) != "v" {
		t.Errorf("the object as a file: %q, %v", body, err)
	}
}

func TestNamedS3(t *testing.T) {
	s := TestS3(t)
	for _, kv := range s.Env() {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	named, err := StartS3(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if named.Endpoint != s.Endpoint || named.AccessKey != s.AccessKey || named.Own() {
		t.Errorf("named: %+v", named)
	}
	if err := named.Pause(); !errors.Is(err, ErrNotOwn) {
		t.Errorf("Pause of somebody else's server: %v", err)
	}
}

func TestNamedS3Errors(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	for _, c := range []struct{ endpoint, key, want string }{
		{"nonsense", "k", `LOGPIPE_TEST_S3_ENDPOINT="nonsense" is no URL`},
		{"http://127.0.0.1:1", "", "set LOGPIPE_TEST_S3_ACCESS_KEY and LOGPIPE_TEST_S3_SECRET_KEY"},
		{"http://127.0.0.1:1", "k", "reach the S3 server that LOGPIPE_TEST_S3_ENDPOINT names"},
	} {
		t.Setenv(EnvS3, c.endpoint)
		t.Setenv(EnvS3Access, c.key)
		t.Setenv(EnvS3Secret, c.key)
		_, err := StartS3(t.Context(), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.endpoint, err, c.want)
		}
	}
}
