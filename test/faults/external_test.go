//go:build faults

package faults

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

// external lets the broker itself listen with TLS, ask for client certificates, and take them for a login.
const external = `
Cert = base64:decode(<<"%s">>), Key = base64:decode(<<"%s">>), Authority = base64:decode(<<"%s">>),
application:set_env(rabbit, ssl_cert_login_from, common_name),
[Plugin | _] = filelib:wildcard(filename:dirname(code:lib_dir(rabbitmq_management)) ++ "/rabbitmq_auth_mechanism_ssl-*/ebin"),
true = code:add_patha(Plugin),
rabbit_registry:register(auth_mechanism, <<"EXTERNAL">>, rabbit_auth_mechanism_ssl),
application:set_env(rabbit, auth_mechanisms, ['PLAIN', 'AMQPLAIN', 'EXTERNAL']),
Options = [{cert, Cert}, {key, {'PrivateKeyInfo', Key}}, {cacerts, [Authority]}, {verify, verify_peer}, {fail_if_no_peer_cert, true}],
application:set_env(rabbit, ssl_options, Options),
rabbit_networking:start_ssl_listener({"127.0.0.1", %s}, Options, 4).`

// A certificate in the place of user and password, on the broker's own TLS listener: its name is the user. Another name is refused, and the
// queue keeps what it has.
func TestLoginByCertificate(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	broker := servers.OwnBroker(t)
	raw, err := broker.VHost(t.Context(), "logs")
	if err != nil {
		t.Fatal(err)
	}
	w.URL = raw
	known := newAuthority(t)
	port := freePort(t)
	pair, _, _ := known.issue("server")
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	code := fmt.Sprintf(external, encoded(pair.Certificate[0]), encoded(key), encoded(known.cert.Raw), port)
	if out, err := broker.Ctl(t.Context(), "eval", strings.ReplaceAll(code, "\n", " ")); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, 5*time.Second); err != nil {
		t.Skipf("the broker's TLS listener is not on this machine, as when the broker is in a container: %v", err)
	} else {
		c.Close()
	}
	const n = 500
	w.Produce(n)
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("the virtual host has an odd URL")
	}
	_, stranger, strangersKey := known.issue("stranger")
	_, cert, certKey := known.issue(u.User.Username())
	u.Scheme, u.Host, u.User = "amqps", "127.0.0.1:"+port, nil
	env := append(w.Env(), "RABBITMQ_URL="+u.String()+"?auth_mechanism=external", "BROKER_CA="+known.file)
	file := w.Config(strings.Replace(secured(t), "#S3", "", 1))

	p := w.Start(append(env, "CLIENT_CERT="+stranger, "CLIENT_KEY="+strangersKey), file)
	if got := w.Says(p, "input is lost").Text("error"); !strings.Contains(got, "refuses the client certificate") {
		t.Errorf("a stranger is told %q", got)
	}
	w.Stops(p, 0)
	if got := w.Depth("log_queue"); got != n {
		t.Errorf("%d of %d messages are left for the one who may have them", got, n)
	}
	p = w.Start(append(env, "CLIENT_CERT="+cert, "CLIENT_KEY="+certKey), file)
	w.Says(p, "input is open")
	w.Taken("log_queue")
	w.Stops(p, 0)
	if all := w.Account(n, "log_queue", "log_dlq"); all.Twice() != 0 {
		t.Errorf("%d messages are there twice", all.Twice())
	}
}

func encoded(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

// freePort is one that nobody listens on at this moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
