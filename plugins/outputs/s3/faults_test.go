package s3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/test/servers"
)

// noAWS hides what the machine of the developer knows of AWS.
func noAWS(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "",
		"AWS_CONFIG_FILE": empty, "AWS_SHARED_CREDENTIALS_FILE": empty, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// A missing bucket is a temporary error: the same output works once somebody has created it.
func TestMissingBucketIsTemporary(t *testing.T) {
	server := servers.TestS3(t)
	cfg := reach(server, "not-yet-there-"+strings.ToLower(rand.Text()[:8]))
	o := open(t, cfg)
	b := batchOf("b1", "a")
	wantError(t, o.Write(t.Context(), b), "put object logs/b1.ndjson into bucket "+cfg.Bucket, "there is no bucket", cfg.Endpoint)
	wantError(t, o.Check(t.Context()), "there is no bucket")
	if err := server.MakeBucket(t.Context(), cfg.Bucket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.DeleteBucket(context.Background(), cfg.Bucket); err != nil {
			t.Error(err)
		}
	})
	mustWrite(t, o, b)
	var log strings.Builder
	o.log = slog.New(slog.NewTextHandler(&log, nil))
	if err := o.Check(t.Context()); err != nil || !strings.Contains(log.String(), `msg="the bucket answers" bucket=`+cfg.Bucket) {
		t.Errorf("check: %v, log: %s", err, log.String())
	}
	if diff := cmp.Diff([]string{"a"}, stored(t, server, cfg.Bucket, "logs/b1.ndjson", encode.Lines)); diff != "" {
		t.Error(diff)
	}
}

// The server going away and coming back must cost nothing but time.
func TestServerDownAndUpAgain(t *testing.T) {
	server := servers.OwnS3(t)
	bucket := ownBucket(t, server)
	o := open(t, reach(server, bucket))
	mustWrite(t, o, batchOf("b1", "a"))
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantError(t, o.Write(t.Context(), batchOf("b2", "b")), "connection refused: nothing listens at "+strings.TrimPrefix(server.Endpoint, "http://"))
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, o, batchOf("b2", "b"))
	if diff := cmp.Diff([]string{"b"}, stored(t, server, bucket, "logs/b2.ndjson", encode.Lines)); diff != "" {
		t.Error(diff)
	}
}

// A server that hangs holds a worker no longer than timeout, and afterwards all is well.
func TestHangingServer(t *testing.T) {
	server := servers.OwnS3(t)
	bucket := ownBucket(t, server)
	cfg := reach(server, bucket)
	cfg.Timeout = 300 * time.Millisecond
	o := open(t, cfg)
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	large := batchOf("b1", strings.Repeat("x", 8<<20))
	wantError(t, o.Write(t.Context(), large), "no answer from "+cfg.Endpoint+" within 300ms")
	wantError(t, o.Check(t.Context()), "no answer")
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	o.cfg.Timeout = time.Minute
	mustWrite(t, o, large)
	if got := stored(t, server, bucket, "logs/b1.ndjson", encode.Lines); len(got) != 1 || len(got[0]) != 8<<20 {
		t.Error("other text came back")
	}
}

// Whoever cancels gets the goroutine back at once, whatever the server does, and can see that it was the cancelling.
func TestCancelEndsAnUpload(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cfg := reach(&servers.S3{Endpoint: "http://" + silent.Addr().String(), AccessKey: "key", SecretKey: "secret", Region: "us-east-1"}, "logs")
	o := open(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // as soon as the request is on its way
		conn, err := silent.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.ReadFull(conn, make([]byte, 1))
		cancel()
		<-t.Context().Done()
	}()
	err = o.Write(ctx, batchOf("b1", "a"))
	wantError(t, err, "broken off")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap context.Canceled", err)
	}
	wantError(t, o.Write(ctx, batchOf("b1", "a")), "broken off")
}

// Operators repair credentials while the logs wait.
func TestWrongCredentials(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	cfg := reach(server, bucket)
	cfg.SecretKey = engine.NewSecret("wrong-secret-value")
	err := open(t, cfg).Write(t.Context(), batchOf("b1", "a"))
	wantError(t, err, "access denied: the secret key does not belong to the access key")
	if strings.Contains(err.Error(), "wrong-secret-value") {
		t.Errorf("%v: tells the secret", err)
	}
	cfg.AccessKey = engine.NewSecret("wrong-access-key")
	o := open(t, cfg)
	wantError(t, o.Write(t.Context(), batchOf("b1", "a")), "access denied: the server does not know the access key")
	wantError(t, o.Check(t.Context()), "look at bucket "+bucket, "access denied: the server does not know the access key")
}

// The line feed of a secret that was made with echo is a wrong key for ever, and servers say only that it is wrong.
func TestWhiteSpaceInTheEnvironment(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	for variable, want := range map[string]string{
		"AWS_ACCESS_KEY_ID":     "the access key, which is in AWS_ACCESS_KEY_ID, begins or ends with white space",
		"AWS_SECRET_ACCESS_KEY": "the secret key, which is in AWS_SECRET_ACCESS_KEY, begins or ends with white space",
	} {
		noAWS(t)
		t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
		t.Setenv(variable, os.Getenv(variable)+"\n")
		cfg := reach(server, bucket)
		cfg.AccessKey, cfg.SecretKey = engine.Secret{}, engine.Secret{}
		o := open(t, cfg)
		wantError(t, o.Write(t.Context(), batchOf("b1", "a")), want)
		wantError(t, o.Check(t.Context()), want)
	}
}

// Credentials that are put into place later are found without a restart.
func TestCredentialsThatComeLater(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	noAWS(t)
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	cfg := reach(server, bucket)
	cfg.AccessKey, cfg.SecretKey = engine.Secret{}, engine.Secret{}
	o := open(t, cfg)
	wantError(t, o.Write(t.Context(), batchOf("b1", "a")), "no credentials: set access_key and secret_key")
	wantError(t, o.Check(t.Context()), "no credentials")
	write := func(secret string) {
		t.Helper()
		text := "[default]\naws_access_key_id = " + server.AccessKey + "\naws_secret_access_key = " + secret + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rotated-and-old")
	wantError(t, o.Write(t.Context(), batchOf("b1", "a")), "access denied")
	write(server.SecretKey)
	mustWrite(t, o, batchOf("b1", "a"))

	cfg.Profile = "absent"
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b2", "a")), `no profile "absent"`)
}

// proxy passes TCP connections on to a server until it is told to cut their answers.
type proxy struct {
	net.Listener
	cut   atomic.Bool // drop what the server answers, and the connection
	conns sync.WaitGroup
}

func startProxy(t *testing.T, listener net.Listener, server *servers.S3) *proxy {
	p := &proxy{Listener: listener}
	p.conns.Go(func() {
		for {
			client, err := p.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() { p.pass(client, strings.TrimPrefix(server.Endpoint, "http://")) })
		}
	})
	t.Cleanup(func() {
		p.Close()
		p.conns.Wait()
	})
	return p
}

func (p *proxy) pass(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	p.conns.Go(func() {
		io.Copy(server, client)
		server.(*net.TCPConn).CloseWrite()
	})
	for buffer := make([]byte, 4096); ; {
		n, err := server.Read(buffer)
		if p.cut.Load() || err != nil {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// An upload whose answer was lost is written again and makes no second object.
func TestLostAnswerMakesNoSecondObject(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	p := startProxy(t, listen(t), server)
	cfg := reach(server, bucket)
	cfg.Endpoint = "http://" + p.Addr().String()
	o := open(t, cfg)
	b := batchOf("b1", "a", "b")
	p.cut.Store(true)
	wantError(t, o.Write(t.Context(), b), "cut the connection before it answered")
	if diff := cmp.Diff([]string{"logs/b1.ndjson"}, objects(t, server, bucket)); diff != "" {
		t.Fatalf("the test is not about a lost answer: %s", diff)
	}
	p.cut.Store(false)
	mustWrite(t, o, b)
	if diff := cmp.Diff([]string{"logs/b1.ndjson"}, objects(t, server, bucket)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, stored(t, server, bucket, "logs/b1.ndjson", encode.Lines)); diff != "" {
		t.Error(diff)
	}
}

// ownCertificate makes a certificate for 127.0.0.1 that nobody knows, and the file that names it.
func ownCertificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// Over TLS the SDK sends the body in another form; a certificate of one's own must be refused clearly, and usable.
func TestTLS(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	certificate, file := ownCertificate(t)
	p := startProxy(t, tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{certificate}}), server)
	cfg := reach(server, bucket)
	cfg.Endpoint = "https://" + p.Addr().String()
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b1", "a")), "the certificate of "+cfg.Endpoint+" is not trusted", "tls { ca =")
	for _, mode := range []string{"auto", "always", "required"} {
		for id, text := range map[string]string{mode + "-small": "a", mode + "-large": strings.Repeat("x", 3<<20)} {
			cfg.Checksum, cfg.TLS = mode, &TLS{CA: file}
			mustWrite(t, open(t, cfg), batchOf(id, text))
			if diff := cmp.Diff([]string{text}, stored(t, server, bucket, "logs/"+id+".ndjson", encode.Lines)); diff != "" {
				t.Errorf("%s came back as other text", id)
			}
		}
	}
	cfg.TLS = &TLS{CA: filepath.Join(t.TempDir(), "absent.pem")}
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b2", "a")), "read certificates", "absent.pem")
	cfg.TLS = nil
	t.Setenv("AWS_CA_BUNDLE", file)
	mustWrite(t, open(t, cfg), batchOf("b3", "a"))
	cfg.Endpoint = server.Endpoint
	cfg.Endpoint = strings.Replace(cfg.Endpoint, "http://", "https://", 1)
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b4", "a")), "does not speak TLS")
}

// An answer can come before the body was sent; net/http then goes on reading the body of a call that has returned. By then
// the memory belongs to another batch, whose text must not get into the first one's upload.
func TestEarlyAnswerDoesNotMixBatches(t *testing.T) {
	listener := listen(t)
	defer listener.Close()
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { refuseEarly(t, conn) })
		}
	})
	o := open(t, reach(&servers.S3{Endpoint: "http://" + listener.Addr().String(), AccessKey: "key", SecretKey: "secret", Region: "us-east-1"}, "logs"))
	for i := range 10 {
		// A connection that happens to be used again ends in another error.
		wantError(t, o.Write(t.Context(), batchOf("b1", strings.Repeat(string(rune('a'+i)), earlyBody))))
	}
	listener.Close()
	conns.Wait()
}

// refuseEarly asks for the body, says 503 after its first bytes, and then reads on to see that it stays the same text.
func refuseEarly(t *testing.T, conn net.Conn) {
	defer conn.Close()
	body := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = body.ReadString('\n'); err != nil {
			return
		}
	}
	io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
	first, err := body.ReadByte()
	if err != nil {
		return
	}
	said := xml("SlowDown", "Please reduce your request rate.")
	fmt.Fprintf(conn, "HTTP/1.1 503 Slow Down\r\nContent-Length: %d\r\n\r\n%s", len(said), said)
	rest, part := io.LimitReader(body, earlyBody-1), make([]byte, 32<<10)
	for {
		n, err := rest.Read(part)
		if bytes.Count(part[:n], []byte{first}) != n {
			t.Errorf("an upload of %q has other text in it", first)
			return
		}
		if err != nil {
			return
		}
	}
}

// earlyBody is more than sockets buffer, so that it is on its way for a while.
const earlyBody = 4 << 20

// A web server that says 200 to everything has stored nothing.
func TestAnswerOfSomethingElseIsNoSuccess(t *testing.T) {
	listener := listen(t)
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "<html>welcome</html>")
	})}
	go web.Serve(listener)
	defer web.Close()
	cfg := reach(&servers.S3{Endpoint: "http://" + listener.Addr().String(), AccessKey: "key", SecretKey: "secret", Region: "us-east-1"}, "logs")
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b1", "a")), "not that of an S3 server")
}
