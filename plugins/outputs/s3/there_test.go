package s3

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	faults "github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/servers"
)

// lockedBucket is a bucket in which nobody may overwrite an object.
func lockedBucket(t *testing.T, server *servers.S3) string {
	t.Helper()
	name := "locked-" + strings.ToLower(engine.NewID())
	c := open(t, reach(server, name))
	session, err := c.ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatalf("create a bucket with object lock: %v", err)
	}
	_, err = session.api.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{Bucket: &name,
		ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled,
			Rule: &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeCompliance, Days: aws.Int32(1)}}}})
	if err != nil {
		t.Fatalf("lock its objects: %v", err)
	}
	return name
}

// The answer of an upload into a bucket with object lock is lost: each further upload is 403 for ever, though the batch is stored.
func TestLostAnswerInABucketWithObjectLock(t *testing.T) {
	server := servers.TestS3(t)
	bucket := lockedBucket(t, server)
	store := faults.NewStore(t, server.Endpoint)
	cfg := reach(server, bucket)
	cfg.Endpoint = store.URL
	o := open(t, cfg)
	store.Break(faults.LoseAnswer)
	b := batchOf("b1", "a", "b")
	wantError(t, o.Write(t.Context(), b))
	store.Heal()
	mustWrite(t, o, b)
	mustWrite(t, open(t, cfg), b)                                                  // the process after this one, too
	wantError(t, o.Write(t.Context(), batchOf("b1", "another")), "bucket "+bucket) // another length: not ours
	if got := stored(t, server, bucket, "logs/b1.ndjson", "lines"); len(got) != 2 {
		t.Errorf("the object has %q", got)
	}
}

// Other refusals that an object which is there can be the cause of; and those that are none of it.
func TestWhatIsThereIsStored(t *testing.T) {
	server, bucket := servers.TestS3(t), ownBucket(t, servers.TestS3(t))
	for code, status := range map[string]int{"AccessDenied": 403, "ConditionalRequestConflict": 409, "PreconditionFailed": 412, "SlowDown": 503, "InvalidAccessKeyId": 403} {
		store := faults.NewStore(t, server.Endpoint)
		cfg := reach(server, bucket)
		cfg.Endpoint = store.URL
		o := open(t, cfg)
		store.Break(faults.Answer(status, code, "No."))
		b := batchOf("of "+code, "a", "b")
		wantError(t, o.Write(t.Context(), b))
		store.Heal()
		mustWrite(t, o, b)
		store.Break(faults.Answer(status, code, "No."))
		if err := o.Write(t.Context(), b); (err == nil) != (code != "SlowDown" && code != "InvalidAccessKeyId") {
			t.Errorf("%d %s for an object that is there: %v", status, code, err)
		}
	}
}

// One object that is refused for ever must not have the credentials asked for each time.
func TestOneRefusedObjectDoesNotRenewTheCredentials(t *testing.T) {
	o := answering(t, 403, nil, xml("AccessDenied", "Access Denied"))
	clients := map[*client]bool{}
	for range 20 {
		s, err := o.ready(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		clients[s.client] = true
		wantError(t, o.Write(t.Context(), batchOf("b1", "a")))
	}
	if n := len(clients); n > 2 {
		t.Errorf("20 refusals in a moment took %d clients, each with credentials of its own", n)
	}
}

// A proxy with a limit before a real server: all that can be stored is, in parts, and what is too large alone is a dead letter.
func TestAProxyWithALimit(t *testing.T) {
	server, bucket := servers.TestS3(t), ownBucket(t, servers.TestS3(t))
	store := faults.NewStore(t, server.Endpoint)
	store.Break(faults.Limit(10_000))
	cfg := reach(server, bucket)
	cfg.Endpoint = store.URL
	l := enginetest.NewLedger()
	var all []string
	for _, body := range enginetest.Bodies(1000) {
		all = append(all, string(body))
	}
	all[500] = strings.Repeat("x", 20_000)
	source := enginetest.NewSource(l, all...)
	source.Chunk = 1000
	dead := enginetest.NewStore(l, "dead letter")
	p := &flow.Pipeline{
		Name: "limited", Workers: 2,
		Inputs:     []engine.InputStep{{Name: "input", Input: source}},
		Output:     engine.OutputStep{Name: "output.s3", Output: settled{open(t, cfg), l}},
		DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: dead},
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, key := range objects(t, server, bucket) {
		for _, body := range stored(t, server, bucket, key, "lines") {
			count[body]++
		}
	}
	for i, body := range all {
		if want := map[bool]int{true: 0, false: 1}[i == 500]; count[body] != want {
			t.Errorf("message %d is stored %d times, want %d", i, count[body], want)
		}
	}
	if n := len(dead.Bodies()); n != 1 {
		t.Errorf("%d messages are dead letters, want the one that is too large", n)
	}
}

// settled tells the ledger what an output stored.
type settled struct {
	engine.Output
	l *enginetest.Ledger
}

func (s settled) Write(ctx context.Context, b *engine.Batch) error {
	err := s.Output.Write(ctx, b)
	for i := range b.Messages {
		if err == nil {
			s.l.Settled(string(b.Messages[i].Body), "s3")
		}
	}
	return err
}
