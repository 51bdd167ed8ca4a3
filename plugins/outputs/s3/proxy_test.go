package s3

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/test/servers"
)

// middle is a proxy that notes what it is asked for.
type middle struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	code  int // answered to CONNECT
}

func newMiddle(t *testing.T, code int) *middle {
	m := &middle{code: code}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		m.mu.Lock()
		m.asked = append(m.asked, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
		m.mu.Unlock()
		if r.Method == http.MethodConnect {
			w.WriteHeader(m.code)
			return
		}
		w.Header().Set("ETag", `"e"`)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *middle) seen() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.asked, ", ")
}

// Requests to the store go by the proxy; what the machine is asked for its role does not, as that address means another machine there.
func TestRoleOfTheMachineIsNeverAskedByProxy(t *testing.T) {
	noAWS(t)
	asked := 0
	machine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		fmt.Fprintf(w, `{"AccessKeyId":"role-key","SecretAccessKey":"s","Token":"t","Expiration":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer machine.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", machine.URL+"/role")
	m := newMiddle(t, 200)
	cfg := reach(&servers.S3{Endpoint: "http://store.invalid", Region: "us-east-1"}, "logs")
	cfg.Proxy = engine.NewSecret(strings.Replace(m.URL, "://", "://me:hush-hush@", 1))
	mustWrite(t, open(t, cfg), batchOf("b1", "a"))
	if asked != 1 || m.seen() != "PUT store.invalid Basic bWU6aHVzaC1odXNo" {
		t.Errorf("the machine was asked %d times, the proxy for: %s", asked, m.seen())
	}
}

func TestWayOfRequests(t *testing.T) {
	environment := func(*http.Request) (*url.URL, error) { return url.Parse("http://environment:3128") }
	for _, row := range []struct{ proxy, url, want string }{
		{"", "https://s3.eu-west-1.amazonaws.com/logs", "http://environment:3128"},
		{"http://own:3128", "https://s3.eu-west-1.amazonaws.com/logs", "http://own:3128"},
		{"none", "https://s3.eu-west-1.amazonaws.com/logs", ""},
		{"", "http://169.254.169.254/latest/api/token", ""},
		{"http://own:3128", "http://169.254.169.254/latest/api/token", ""},
		{"http://own:3128", "http://169.254.170.2/v2/credentials", ""},
		{"http://own:3128", "http://169.254.170.23/v1/credentials", ""},
		{"http://own:3128", "http://[fd00:ec2::254]/latest/api/token", ""},
		{"http://own:3128", "http://[fd00:ec2::23]/v1/credentials", ""},
		{"http://own:3128", "https://sts.amazonaws.com/", "http://own:3128"},
	} {
		r := httptest.NewRequest("GET", row.url, nil)
		way, err := route{row.proxy, environment}.of(r)
		got := ""
		if way != nil {
			got = way.String()
		}
		if err != nil || got != row.want {
			t.Errorf("%q %s goes by %q, want %q (%v)", row.proxy, row.url, got, row.want, err)
		}
	}
}

// A proxy that cannot be reached, or does not connect, is named as one, without its password.
func TestProxyInWords(t *testing.T) {
	for want, proxy := range map[string]string{
		"asks for a user and a password": newMiddle(t, 407).URL,
		"it answers 403 Forbidden":       newMiddle(t, 403).URL,
		"the proxy cannot be reached":    "http://me:hush-hush@127.0.0.1:1",
	} {
		cfg := reach(&servers.S3{Endpoint: "https://store.invalid", AccessKey: "key", SecretKey: "secret", Region: "us-east-1"}, "logs")
		cfg.Proxy = engine.NewSecret(proxy)
		err := open(t, cfg).Write(t.Context(), batchOf("b1", "a"))
		wantError(t, err, want)
		if strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("%v: tells the password", err)
		}
		var network interface{ Class() string }
		if !errors.As(err, &network) || network.Class() != "network" {
			t.Errorf("%v is of no class network", err)
		}
	}
}

// An access point is where its ARN says, also if the region of the configuration is another.
func TestAccessPoint(t *testing.T) {
	m := newMiddle(t, 403)
	cfg := valid()
	cfg.Bucket, cfg.Region, cfg.Proxy = "arn:aws:s3:eu-west-1:123456789012:accesspoint/logs", "us-east-1", engine.NewSecret(m.URL)
	cfg.AccessKey, cfg.SecretKey = engine.NewSecret("key-of-test"), engine.NewSecret("secret-value")
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b1", "a")), "the proxy "+strings.TrimPrefix(m.URL, "http://")+" does not connect")
	if got := m.seen(); got != "CONNECT logs-123456789012.s3-accesspoint.eu-west-1.amazonaws.com:443 " {
		t.Errorf("it goes to %s", got)
	}
}
