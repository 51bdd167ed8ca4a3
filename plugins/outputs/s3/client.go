package s3

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// client is a connection to the server with the credentials and files as they were when it was made. One that turned out
// to be wrong is forgotten and made anew, because operators put things right while the logs wait.
type client struct {
	api         *s3.Client
	credentials aws.CredentialsProvider
	transport   *http.Transport
}

// session is a client with the credentials that an attempt uses.
type session struct {
	*client
	used aws.Credentials
}

// ready returns what an attempt needs: a client, and credentials that have not expired.
func (o *output) ready(ctx context.Context) (session, error) {
	c, err := o.connect(ctx)
	if err != nil {
		return session{}, o.explainSettings(ctx, err)
	}
	used, err := c.credentials.Retrieve(ctx)
	if err != nil {
		o.forget(c)
		return session{}, o.explainCredentials(ctx, err)
	}
	if err := checkEnds(used); err != nil {
		o.forget(c)
		return session{}, err
	}
	return session{c, used}, nil
}

// checkEnds finds white space at the ends of credentials that come from outside of the file, such as the line feed of a secret that was made with echo: a
// server says of it that the key is unknown or the signature wrong, and net/http that a header is invalid.
func checkEnds(c aws.Credentials) error {
	for _, part := range []struct{ name, variable, text string }{
		{"access key", "AWS_ACCESS_KEY_ID", c.AccessKeyID}, {"secret key", "AWS_SECRET_ACCESS_KEY", c.SecretAccessKey}, {"session token", "AWS_SESSION_TOKEN", c.SessionToken},
	} {
		if part.text == strings.TrimSpace(part.text) {
			continue
		}
		from := "comes from " + c.Source
		if c.Source == config.CredentialsSourceName {
			from = "is in " + part.variable
		}
		text := fmt.Sprintf("the %s, which %s, begins or ends with white space, such as a line feed: take it out where it is set; a Secret of Kubernetes is made without it by echo -n", part.name, from)
		return &failure{text, errors.New(text), "credentials"}
	}
	return nil
}

// connect returns the client, and makes one if there is none. Nothing goes over the network yet.
func (o *output) connect(ctx context.Context) (*client, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		return o.client, nil
	}
	settings, err := o.settings(ctx)
	if err != nil {
		return nil, err
	}
	transport := settings.HTTPClient.(*awshttp.BuildableClient).GetTransport()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return large{conn}, nil
	}
	settings.HTTPClient = &http.Client{
		Transport: transport,
		// Where a bucket is elsewhere the answer says so; a body is not sent twice for it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if o.cfg.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(settings), o.cfg.RoleARN, func(r *stscreds.AssumeRoleOptions) {
			r.RoleSessionName = cmp.Or(o.cfg.SessionName, "logpipe")
			r.ExternalID = optional(o.cfg.ExternalID)
		})
		settings.Credentials = aws.NewCredentialsCache(role, func(c *aws.CredentialsCacheOptions) { c.ExpiryWindow = time.Minute })
	}
	o.client = &client{api: s3.NewFromConfig(settings, o.adjust), credentials: settings.Credentials, transport: transport}
	return o.client, nil
}

// forget drops c, if it is still the one in use, so that the next attempt reads credentials and certificates again.
func (o *output) forget(c *client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client == c {
		o.client = nil
	}
	c.transport.CloseIdleConnections()
}

// settings is what the SDK finds in the environment and its files, under what the configuration says.
func (o *output) settings(ctx context.Context) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(newHTTP(o.cfg.Timeout, route{o.cfg.Proxy.Reveal(), http.ProxyFromEnvironment})),
		config.WithLogger(logging.Nop{}),
		config.WithAppID("logpipe"),
		// The retries of the SDK are few, and it stops them altogether when many calls fail: the pipeline has a
		// policy of its own, and what that cannot mend waits.
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	}
	if o.cfg.Region != "" {
		options = append(options, config.WithRegion(o.cfg.Region))
	}
	if o.cfg.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(o.cfg.Profile))
	}
	if access := o.cfg.AccessKey.Reveal(); access != "" {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(access, o.cfg.SecretKey.Reveal(), o.cfg.SessionToken.Reveal())))
	}
	if o.cfg.TLS != nil {
		pem, err := os.ReadFile(o.cfg.TLS.CA)
		if err != nil {
			return aws.Config{}, fmt.Errorf("read certificates: %w", err)
		}
		options = append(options, config.WithCustomCABundle(bytes.NewReader(pem)))
	}
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, err
	}
	if settings.Region == "" {
		settings.Region = "us-east-1"
	}
	return settings, nil
}

// adjust sets what the SDK has no general setting for. The endpoint may also have come from AWS_ENDPOINT_URL.
func (o *output) adjust(s *s3.Options) {
	s.HTTPSignerV4 = signer{s.HTTPSignerV4}
	s.UseARNRegion = true // an access point is where its ARN says
	if o.noExpect.Load() {
		s.ContinueHeaderThresholdBytes = -1
	}
	if o.cfg.Endpoint != "" {
		s.BaseEndpoint = &o.cfg.Endpoint
	}
	amazon := s.BaseEndpoint == nil
	s.UsePathStyle = o.cfg.PathStyle == "true" || o.cfg.PathStyle != "false" && !amazon
	switch {
	case o.cfg.Checksum == "always":
		s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
	case o.cfg.Checksum == "required" || o.cfg.Checksum == "md5" || !amazon:
		s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	}
}

// newHTTP says how connections are made. The SDK's type is needed for AWS_CA_BUNDLE and tls.ca.
func newHTTP(patience time.Duration, way route) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			// One connection a worker, kept: HTTP/2 would send all uploads through a single one.
			t.ForceAttemptHTTP2 = false
			t.Proxy, t.OnProxyConnectResponse = way.of, onConnect
			t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxConnsPerHost = maxIdle, maxIdle, 0
			t.IdleConnTimeout = 90 * time.Second
			t.TLSHandshakeTimeout = dialTimeout
			// Above 2 MiB the SDK asks before it sends the body, which spares a server in trouble. One that does not
			// know the question gets the body after this time.
			t.ExpectContinueTimeout = time.Second
			t.WriteBufferSize = 64 << 10
			// An upload ends with its context. The request for a role's credentials has none, as all workers share it.
			t.ResponseHeaderTimeout = patience
		})
}

// large writes bodies in large pieces. net/http asks a connection to read the body by itself, which for memory means a new buffer for each
// upload and a write for each 32 KiB.
type large struct{ net.Conn }

var pieces = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// ReadFrom makes large an io.ReaderFrom.
func (c large) ReadFrom(body io.Reader) (int64, error) {
	piece := pieces.Get().(*[128 << 10]byte)
	defer pieces.Put(piece)
	return io.CopyBuffer(struct{ io.Writer }{c.Conn}, body, piece[:])
}

const (
	dialTimeout = 10 * time.Second
	// maxIdle is more than the workers that a pipeline has in earnest.
	maxIdle = 512
)
