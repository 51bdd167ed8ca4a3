package rabbitmq

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// endpoint is one broker, as a URL or the single attributes name it.
type endpoint struct {
	secure             bool
	host               string
	port               int
	user, password     string
	vhost              string
	external           bool
	heartbeat, timeout time.Duration

	block                     bool // a tls block is there
	ca, cert, key, serverName string
}

func (e endpoint) address() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

// String is the endpoint as a URL that may be shown: without the password.
func (e endpoint) String() string {
	u := url.URL{Scheme: "amqp", Host: e.address(), Path: "/" + e.vhost, RawPath: "/" + url.PathEscape(e.vhost)}
	if e.secure {
		u.Scheme = "amqps"
	}
	if !e.external {
		u.User = url.UserPassword(e.user, "xxxxx")
	}
	return u.String()
}

// splitURLs takes apart what a variable such as RABBITMQ_URL holds for a cluster: URLs with commas between them. A password may
// have a comma, but never the slashes of a second scheme.
func splitURLs(raw string) (urls []string) {
	for part := range strings.SplitSeq(raw, ",") {
		if len(urls) == 0 || beginsURL(part) {
			urls = append(urls, part)
		} else {
			urls[len(urls)-1] += "," + part
		}
	}
	if len(urls) > 1 {
		for i, u := range urls {
			urls[i] = strings.TrimSpace(u) // lists are written over several lines
		}
	}
	return urls
}

func beginsURL(part string) bool {
	start := strings.ToLower(strings.TrimSpace(part))
	return strings.HasPrefix(start, "amqp://") || strings.HasPrefix(start, "amqps://")
}

// oneCluster finds brokers that cannot be those of one cluster: the next one would not have the same queue, or would be the one that has failed.
func oneCluster(attr string, all []endpoint) error {
	seen := map[string]bool{}
	for _, e := range all {
		if e.vhost != all[0].vhost {
			return engine.AttrErrorf(attr, "the brokers of one cluster have one virtual host, and here are %q and %q", all[0].vhost, e.vhost)
		}
		if seen[e.address()] {
			return engine.AttrErrorf(attr, "%s is there twice: name each broker once", e.address())
		}
		seen[e.address()] = true
	}
	return nil
}

// errList does not quote the URL either.
var errList = errors.New("there is a comma in the name of the host: each of several brokers needs a whole URL, " +
	"as in amqp://user:password@a/vhost,amqp://user:password@b/vhost")

// errEncoding deliberately says nothing of the URL itself, nor of what package url found wrong in it: both quote the password.
var errEncoding = errors.New("this is not the URL of a broker, such as amqp://user:password@host:5672/vhost; " +
	"characters like / ? # [ ] % @ in the user name or the password must be percent-encoded (/ is %2F, # is %23, @ is %40)")

// parse reads the URL of a broker. What it does not say is taken from base. No error quotes the URL.
//
// The form is https://www.rabbitmq.com/docs/uri-spec with the parameters of
// https://www.rabbitmq.com/docs/uri-query-parameters that make sense for a client of this kind.
func parse(raw string, base endpoint) (endpoint, error) {
	e := base
	if strings.TrimSpace(raw) != raw || strings.ContainsAny(raw, " \t\r\n") {
		return e, errors.New("the URL contains a space or a line break")
	}
	scheme, _, ok := strings.Cut(raw, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "amqp" && scheme != "amqps" {
		return e, errors.New("the URL of a broker begins with amqp:// or, for TLS, with amqps://")
	}
	authority, _, _ := strings.Cut(raw[len(scheme)+len("://"):], "/")
	if strings.Contains(authority[strings.LastIndex(authority, "@")+1:], ",") {
		return e, errList
	}
	u, err := url.Parse(raw)
	// An unencoded / ? or # in the password ends the host too early; the @ that should have ended it is found later then.
	if err != nil || u.Fragment != "" || strings.Contains(u.EscapedPath(), "@") || strings.Contains(u.RawQuery, "@") {
		return e, errEncoding
	}
	if e.secure = scheme == "amqps"; base.block && !e.secure {
		return e, errors.New("the URL begins with amqp://, and there is a tls block: write amqps:// or leave out the block")
	}
	if u.Hostname() != "" {
		e.host = u.Hostname()
	}
	if e.port = usualPort(e.secure); u.Port() != "" {
		if e.port, err = strconv.Atoi(u.Port()); err != nil || e.port < 1 || e.port > 65535 {
			return e, errors.New("the port in the URL is no number from 1 to 65535")
		}
	}
	if u.User != nil {
		e.user = u.User.Username()
		if p, ok := u.User.Password(); ok {
			e.password = p
		}
	}
	if len(u.Path) > 1 {
		e.vhost = u.Path[1:]
	}
	return e, e.parameters(u.Query())
}

// parameters reads what stands after the question mark. What a tls block says wins.
func (e *endpoint) parameters(q url.Values) error {
	set := func(field *string, name string) {
		if *field == "" {
			*field = q.Get(name)
		}
	}
	for name, values := range q {
		switch name {
		case "cacertfile":
			set(&e.ca, name)
		case "certfile":
			set(&e.cert, name)
		case "keyfile":
			set(&e.key, name)
		case "server_name_indication":
			set(&e.serverName, name)
		case "auth_mechanism":
			for _, v := range values {
				e.external = strings.EqualFold(v, External)
				if !e.external && !strings.EqualFold(v, Plain) {
					return errors.New("auth_mechanism in the URL must be plain or external")
				}
			}
		case "heartbeat":
			n, err := strconv.Atoi(q.Get(name))
			if err != nil || n < 1 || n > 65535 {
				return errors.New("heartbeat in the URL must be a number of seconds, at least 1")
			}
			e.heartbeat = time.Duration(n) * time.Second
		case "connection_timeout":
			n, err := strconv.Atoi(q.Get(name))
			if err != nil || n < 1 {
				return errors.New("connection_timeout in the URL must be a number of milliseconds")
			}
			e.timeout = time.Duration(n) * time.Millisecond
		case "channel_max": // of no use here: there are few channels
		default:
			return fmt.Errorf("the URL has a parameter %q, which is not known; known are auth_mechanism, cacertfile, "+
				"certfile, channel_max, connection_timeout, heartbeat, keyfile and server_name_indication", name)
		}
	}
	if (e.cert == "") != (e.key == "") {
		return errors.New("certfile and keyfile in the URL belong together: set both or neither")
	}
	return nil
}
