// Package rabbitmq is what the amqp input and the amqp output share: where the broker is and how to reach it, the
// exchanges and queues that are declared there, errors in words, and the properties of a message.
//
// Facts about RabbitMQ that the code relies on were measured with version 3.10 unless a comment says otherwise; what is
// written for 4.x follows its documentation.
package rabbitmq

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Server says where a broker is and who we are there: the attributes that both plugins have. A plugin's Config embeds it.
// URL or URLs win over Host, Port and VHost; what a URL leaves out is taken from the other fields.
type Server struct {
	URL            engine.Secret   `hcl:"url,optional" doc:"Where the broker is, as amqp://user:password@host:5672/vhost, or amqps:// for TLS. It wins over host and the like; what it does not say is taken from them. Several brokers of one cluster stand here with commas between their URLs."`
	URLs           []engine.Secret `hcl:"urls,optional" doc:"Several brokers of one cluster, each like url. Each process begins with one of them by chance, and each new connection with the one after the last, so that replicas spread and none returns to a broker that has just failed. Leave user and password out of them and set username and password."`
	Host           string          `hcl:"host,optional" doc:"The broker's host name or address."`
	Port           int             `hcl:"port,optional" doc:"The broker's port; 0 is 5672, or 5671 with TLS."`
	Username       string          `hcl:"username,optional" doc:"The broker's user."`
	Password       engine.Secret   `hcl:"password,optional" doc:"The user's password. By default it is guest, as in a fresh broker."`
	VHost          string          `hcl:"vhost,optional" doc:"The virtual host."`
	AuthMechanism  string          `hcl:"auth_mechanism,optional" values:"plain,external" doc:"plain logs in with user name and password, external with the certificate of the tls block."`
	Heartbeat      time.Duration   `hcl:"heartbeat,optional" doc:"How often both sides show that they live. A dead connection is found after about one and a half times as long."`
	ConnectTimeout time.Duration   `hcl:"connect_timeout,optional" doc:"How long one broker may take for the whole connection, login included."`
	TLS            *TLS            `hcl:"tls,block" doc:"Connects with TLS, by default on port 5671."`
}

// DefaultServer is a fresh broker on this machine.
func DefaultServer() Server {
	return Server{
		Host: "localhost", Username: guest, Password: engine.NewSecret(guest), VHost: "/", AuthMechanism: Plain,
		Heartbeat: 10 * time.Second, ConnectTimeout: 10 * time.Second,
	}
}

// guest is user and password of a fresh broker. This user may log in from the broker's own machine only.
const guest = "guest"

// The ways to say who we are.
const (
	Plain    = "plain"    // user name and password
	External = "external" // the TLS certificate
)

// TLS is the tls block of both plugins.
type TLS struct {
	CA         string `hcl:"ca,optional" doc:"PEM file with the authorities that may sign the broker's certificate; without it the system's."`
	Cert       string `hcl:"cert,optional" doc:"PEM file with the client's certificate. It is read again for every connection, so that it can be renewed."`
	Key        string `hcl:"key,optional" doc:"PEM file with the key of cert."`
	ServerName string `hcl:"server_name,optional" doc:"The name that the broker's certificate must be for, where that is not its host name."`
}

// Validate returns all mistakes, each with the attribute it is in.
func (s *Server) Validate() error {
	var errs []error
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if s.URL.Reveal() != "" && len(s.URLs) > 0 {
		bad("urls", "url and urls cannot both be set: put all brokers into urls")
	}
	if s.Port < 0 || s.Port > 65535 {
		bad("port", "%d is no port: use a number from 1 to 65535, or 0 for the usual one", s.Port)
	}
	errs = append(errs, checkHost(s.Host))
	if s.VHost == "" {
		bad("vhost", "the virtual host is empty: the usual one is \"/\"")
	}
	errs = append(errs, CheckNames("vhost", s.VHost), CheckOption("auth_mechanism", s.AuthMechanism, Plain, External))
	if s.Heartbeat < time.Second {
		bad("heartbeat", "%v is too short: use at least 1s", s.Heartbeat)
	}
	if s.ConnectTimeout <= 0 {
		bad("connect_timeout", "%v is no time to connect in: use a positive duration such as 10s", s.ConnectTimeout)
	}
	if t := s.TLS; t != nil && (t.Cert == "") != (t.Key == "") {
		bad("tls", "cert and key belong together: set both or neither")
	}
	endpoints, err := s.endpoints()
	errs = append(errs, err)
	for _, e := range endpoints {
		if e.external && (!e.secure || e.cert == "") {
			bad("auth_mechanism", "external needs TLS with a client certificate: set cert and key in the tls block")
			break
		}
	}
	return errors.Join(errs...)
}

// checkHost finds what is more than a host in the attribute host: looked up as a name it would never be found, and the broker would seem to be
// down. No error repeats what may be a URL with a password.
func checkHost(host string) error {
	bad := func(format string, args ...any) error { return engine.AttrErrorf("host", format, args...) }
	address := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	_, err := netip.ParseAddr(address)
	switch {
	case host == "":
		return bad("the host name is empty")
	case err == nil && address == host:
		return nil
	case err == nil:
		return bad("an address of IPv6 stands here without brackets: %s", address)
	case strings.Contains(host, "://") || strings.Contains(host, "@"):
		return bad("this is more than the name of a host: a URL goes into url, user and password into username and password")
	case strings.Contains(host, ":"):
		return bad("%q is more than the name of a host: the port goes into port", host)
	case strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`/\?#%[],;"'`, r) }):
		return bad("%q is no name of a host: use a name such as broker.example.com, or an address", host)
	}
	return nil
}

// Files are the files that are read for a connection, by their attributes.
func (s *Server) Files() map[string]string {
	if s.TLS == nil {
		return nil
	}
	return map[string]string{"tls.ca": s.TLS.CA, "tls.cert": s.TLS.Cert, "tls.key": s.TLS.Key}
}

// endpoints are the brokers to try, in the order of the file.
func (s *Server) endpoints() ([]endpoint, error) {
	base := s.base()
	attr, urls := "urls", s.URLs
	if s.URL.Reveal() != "" {
		attr, urls = "url", nil
		for _, u := range splitURLs(s.URL.Reveal()) {
			urls = append(urls, engine.NewSecret(u))
		}
	}
	if len(urls) == 0 {
		return []endpoint{base}, nil
	}
	var all []endpoint
	var errs []error
	for _, u := range urls {
		e, err := parse(u.Reveal(), base)
		if err != nil {
			errs = append(errs, &engine.AttrError{Attr: attr, Err: err})
			continue
		}
		all = append(all, e)
	}
	if len(errs) == 0 {
		errs = append(errs, oneCluster(attr, all))
	}
	return all, errors.Join(errs...)
}

// base is the broker that host, port and the other single fields name.
func (s *Server) base() endpoint {
	e := endpoint{
		secure: s.TLS != nil, host: s.Host, port: s.Port, user: s.Username, password: s.Password.Reveal(), vhost: s.VHost,
		external: strings.EqualFold(s.AuthMechanism, External), heartbeat: s.Heartbeat, timeout: s.ConnectTimeout,
	}
	if s.TLS != nil {
		e.block, e.ca, e.cert, e.key, e.serverName = true, s.TLS.CA, s.TLS.Cert, s.TLS.Key, s.TLS.ServerName
	}
	if e.port == 0 {
		e.port = usualPort(e.secure)
	}
	return e
}

func usualPort(secure bool) int {
	if secure {
		return 5671
	}
	return 5672
}
