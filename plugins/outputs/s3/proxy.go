package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"

	"github.com/logpipe/logpipe/engine"
)

// noProxy is the value of proxy for none, whatever the environment says.
const noProxy = "none"

func (c *Config) checkProxy() error {
	text := c.Proxy.Reveal()
	if text == "" || text == noProxy {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		// The text is not shown: it may hold a password.
		return engine.AttrErrorf("proxy", "that is no URL of a proxy, such as http://proxy.example.com:3128, and not %q", noProxy)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return engine.AttrErrorf("proxy", "a URL of a proxy ends after the port")
	}
	return nil
}

// route says which proxy a request goes by. environment is http.ProxyFromEnvironment, which reads the variables once.
type route struct {
	proxy       string
	environment func(*http.Request) (*url.URL, error)
}

// of is the Proxy of a transport. What a machine or pod is asked for its role never goes by a proxy: those addresses mean another machine
// there, or none, and the answer is a secret.
func (t route) of(r *http.Request) (*url.URL, error) {
	switch {
	case t.proxy == noProxy || isOfMachine(r.URL):
		return nil, nil
	case t.proxy != "":
		return url.Parse(t.proxy)
	}
	return t.environment(r)
}

// roleAddresses is where the AWS SDK asks for a role by IPv6, in the unique local range (EC2 User Guide, "Instance metadata"; EKS User Guide,
// "Pod Identity"). The others are link-local: 169.254.169.254, 169.254.170.2 and 169.254.170.23.
var roleAddresses = netip.MustParsePrefix("fd00:ec2::/32")

func isOfMachine(u *url.URL) bool {
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.IsLinkLocalUnicast() || roleAddresses.Contains(ip)) {
		return true
	}
	for _, name := range []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"} {
		if named, err := url.Parse(os.Getenv(name)); err == nil && named.Host != "" && named.Host == u.Host {
			return true
		}
	}
	return false
}

// proxyRefusal is how a proxy answers when it does not connect.
type proxyRefusal struct {
	proxy  string // its host
	status int
}

func (f *proxyRefusal) Error() string {
	if f.status == http.StatusProxyAuthRequired {
		return fmt.Sprintf("the proxy %s asks for a user and a password; write them into its URL", f.proxy)
	}
	return fmt.Sprintf("the proxy %s does not connect: it answers %d %s", f.proxy, f.status, http.StatusText(f.status))
}

// onConnect is the OnProxyConnectResponse of a transport.
func onConnect(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyRefusal{proxy.Host, answer.StatusCode}
}
