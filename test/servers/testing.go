package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// setupTimeout bounds what a test waits for a server, an installation included.
const setupTimeout = 8 * time.Minute

// once starts a server for the first test that asks and keeps the answer, an
// error too, for all others of the process.
type once[T any] struct {
	mu   sync.Mutex
	done bool
	it   T
	err  error
}

func (o *once[T]) get(start func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.done {
		o.it, o.err = start()
		o.done = true
	}
	return o.it, o.err
}

var (
	sharedBroker once[*Broker]
	sharedS3     once[*S3]
)

// TestBroker returns the broker that all tests of the process share. The test
// is skipped where no broker can be had, or fails if CI is set. Tests keep
// apart by [VHost]; one that stops or pauses the broker uses [OwnBroker].
func TestBroker(tb testing.TB) *Broker {
	tb.Helper()
	b, err := sharedBroker.get(func() (*Broker, error) { return start(tb, StartBroker, Options{}) })
	check(tb, err)
	return b
}

// TestS3 returns the S3 server that all tests of the process share, on the
// terms of [TestBroker]. Tests keep apart by [Bucket].
func TestS3(tb testing.TB) *S3 {
	tb.Helper()
	s, err := sharedS3.get(func() (*S3, error) { return start(tb, StartS3, Options{}) })
	check(tb, err)
	return s
}

// OwnBroker returns a broker for this test alone, which may stop, pause and
// kill it. It takes some seconds to start and is closed at the test's end.
func OwnBroker(tb testing.TB) *Broker {
	tb.Helper()
	b, err := start(tb, StartBroker, Options{Own: true})
	check(tb, err)
	tb.Cleanup(func() { check(tb, b.Close()) })
	return b
}

// OwnCluster returns a cluster for this test alone. It takes half a minute to
// start and is closed at the test's end.
func OwnCluster(tb testing.TB, size int) *Cluster {
	tb.Helper()
	c, err := start(tb, func(ctx context.Context, o Options) (*Cluster, error) { return StartCluster(ctx, o, size) }, Options{})
	check(tb, err)
	tb.Cleanup(func() { check(tb, c.Close()) })
	return c
}

// OwnS3 returns an S3 server for this test alone, which may stop, pause and
// kill it. It is closed at the test's end.
func OwnS3(tb testing.TB) *S3 {
	tb.Helper()
	s, err := start(tb, StartS3, Options{Own: true})
	check(tb, err)
	tb.Cleanup(func() { check(tb, s.Close()) })
	return s
}

// VHost makes a virtual host on [TestBroker]'s broker and returns its URL. It
// is removed at the test's end, with its connections.
func VHost(tb testing.TB) string {
	tb.Helper()
	b := TestBroker(tb)
	name := freshName(tb)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url, err := b.VHost(ctx, name)
	check(tb, err)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		check(tb, b.DeleteVHost(ctx, name))
	})
	return url
}

// Bucket makes a bucket on [TestS3]'s server and returns its name. It is
// removed at the test's end, with its objects.
func Bucket(tb testing.TB) string {
	tb.Helper()
	s := TestS3(tb)
	name := freshName(tb)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	check(tb, s.MakeBucket(ctx, name))
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		check(tb, s.DeleteBucket(ctx, name))
	})
	return name
}

// Main runs a package's tests and then closes the shared servers:
//
//	func TestMain(m *testing.M) { servers.Main(m) }
//
// Without it they end with the process all the same; only their temporary
// folders stay until the next use.
func Main(m *testing.M) {
	code := m.Run()
	if err := closeShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func closeShared() error {
	var errs []error
	if b := sharedBroker.it; b != nil {
		errs = append(errs, b.Close())
	}
	if s := sharedS3.it; s != nil {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// start starts a server with a test's log and a deadline.
func start[T any](tb testing.TB, from func(context.Context, Options) (T, error), o Options) (T, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	o.Log = func(text string) { tb.Log(text) }
	return from(ctx, o)
}

// check ends a test on an error: as skipped if there is no server, unless this
// is CI, where every test has to run.
func check(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrUnavailable) && !InCI():
		tb.Skip(err)
	default:
		tb.Fatal(err)
	}
}

// InCI says whether the variable CI is set, as it is by CI systems.
func InCI() bool {
	v := os.Getenv("CI")
	return v != "" && v != "0" && !strings.EqualFold(v, "false")
}

// freshName is a name for a virtual host or bucket that tells its test: short,
// and in the characters that buckets may have.
func freshName(tb testing.TB) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(tb.Name()))
	return strings.Trim(name[:min(len(name), 40)], "-") + "-" + randomHex(4)
}
