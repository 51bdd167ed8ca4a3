package rabbitmq

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
)

func TestURL(t *testing.T) {
	base := DefaultServer()
	base.Username, base.Password = "me", engine.NewSecret("pw")
	for raw, want := range map[string]endpoint{
		"amqp://h":                        {host: "h", port: 5672, user: "me", password: "pw", vhost: "/"},
		"amqps://h/":                      {secure: true, host: "h", port: 5671, user: "me", password: "pw", vhost: "/"},
		"amqp://a:b@h:99/v":               {host: "h", port: 99, user: "a", password: "b", vhost: "v"},
		"amqp://a:p%40%2F%3F%23%25@h/%2F": {host: "h", port: 5672, user: "a", password: "p@/?#%", vhost: "/"},
		"amqp://a:p@w@h/a%2Fb":            {host: "h", port: 5672, user: "a", password: "p@w", vhost: "a/b"},
		"amqp://[::1]:99/a%40b":           {host: "::1", port: 99, user: "me", password: "pw", vhost: "a@b"},
		"AMQP:///v":                       {host: "localhost", port: 5672, user: "me", password: "pw", vhost: "v"},
		"amqp://h?heartbeat=7&connection_timeout=1500&channel_max=9": {host: "h", port: 5672, user: "me", password: "pw", vhost: "/", heartbeat: 7 * time.Second, timeout: 1500 * time.Millisecond},
		"amqps://h?auth_mechanism=EXTERNAL&certfile=c&keyfile=k&cacertfile=a&server_name_indication=n": {secure: true, external: true,
			host: "h", port: 5671, user: "me", password: "pw", vhost: "/", cert: "c", key: "k", ca: "a", serverName: "n"},
	} {
		if want.heartbeat == 0 {
			want.heartbeat, want.timeout = base.Heartbeat, base.ConnectTimeout
		}
		got, err := parse(raw, base.base())
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		} else if d := cmp.Diff(want, got, cmp.AllowUnexported(endpoint{})); d != "" {
			t.Errorf("%s: %s", raw, d)
		}
	}
}

// Most passwords that somebody pastes into a URL have such a character. The error must say so, and must not show the password.
func TestURLMistakes(t *testing.T) {
	const secret = "s3cret"
	for raw, want := range map[string]string{
		"amqp://u:" + secret + "/x@h/v":                   "percent-encoded",
		"amqp://u:" + secret + "#x@h/v":                   "percent-encoded",
		"amqp://u:" + secret + "?x@h/v":                   "percent-encoded",
		"amqp://u:1/" + secret + "@h/v":                   "percent-encoded",
		"amqp://u:1?" + secret + "@h/v":                   "percent-encoded",
		"amqp://u:1#" + secret + "@h/v":                   "percent-encoded",
		"amqp://u:" + secret + "%zz@h/v":                  "percent-encoded",
		"amqp://u:" + secret + "[@h/v":                    "percent-encoded",
		"amqp://u:" + secret + " x@h/v":                   "a space",
		"http://u:" + secret + "@h/v":                     "begins with amqp://",
		"u:" + secret + "@h":                              "begins with amqp://",
		"amqp://u:" + secret + "@h:99999/v":               "from 1 to 65535",
		"amqp://u:" + secret + "@h?hartbeat=3":            `parameter "hartbeat"`,
		"amqp://u:" + secret + "@h?heartbeat=x":           "number of seconds",
		"amqp://u:" + secret + "@h?connection_timeout=-1": "milliseconds",
		"amqp://u:" + secret + "@h?auth_mechanism=cram":   "plain or external",
		"amqps://u:" + secret + "@h?certfile=x":           "certfile and keyfile",
		"amqp://u:" + secret + "@a,b/v":                   "each of several brokers needs a whole URL",
		"amqp://u:" + secret + "@a:1,b:2/v":               "each of several brokers needs a whole URL",
		"amqp://u:" + secret + "@a,":                      "each of several brokers needs a whole URL",
		"amqp://u:" + secret + "@a,http://b":              "each of several brokers needs a whole URL",
		"amqp://a,amqp://u:" + secret + "@b:x":            "percent-encoded",
		"amqp://u:" + secret + "@a,amqp://b,amqp://a":     "a:5672 is there twice",
		"amqp://u:" + secret + "@a/v,amqp://b":            "one virtual host",
	} {
		s := DefaultServer()
		s.URL = engine.NewSecret(raw)
		err := s.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", raw, err, want)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows the password: %v", raw, err)
		}
	}
}

// No text, whatever it is, may make parse panic or show up in the error.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"u:p@h", "a/b@h:1/v", "h?x=1#y", "[::1]", "%%%", "u:p%2F@h/%2F?heartbeat=1"} {
		f.Add(s)
	}
	base := DefaultServer()
	f.Fuzz(func(t *testing.T, rest string) {
		e, err := parse("amqp://user:"+rest+"XsecretX@h/v", base.base())
		if err != nil && strings.Contains(err.Error(), "XsecretX") {
			t.Errorf("the error shows the password: %v", err)
		}
		if err == nil && strings.Contains(e.String(), "XsecretX") && strings.Contains(e.password, "XsecretX") {
			t.Errorf("the endpoint shows the password: %v", e)
		}
	})
}

func TestServerMistakes(t *testing.T) {
	s := DefaultServer()
	if err := s.Validate(); err != nil {
		t.Errorf("the defaults are wrong: %v", err)
	}
	s = Server{URL: engine.NewSecret("amqp://h"), URLs: secrets("amqp://g"), Port: -1, AuthMechanism: "x", Heartbeat: 1, TLS: &TLS{Cert: "c"}}
	err := s.Validate()
	for _, want := range []string{
		"urls: url and urls", "port: -1", "host: ", "vhost: ", `auth_mechanism: "x"`, "heartbeat: 1ns", "connect_timeout: 0s",
		"tls: cert and key", "url: the URL begins with amqp://, and there is a tls block",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	s = DefaultServer()
	s.AuthMechanism = External
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "client certificate") {
		t.Errorf("external without a certificate: %v", err)
	}
}

func TestEndpointHidesPassword(t *testing.T) {
	s := DefaultServer()
	s.URLs = secrets("amqps://u:geheim@h/a%2Fb", "amqp://g:1/a%2Fb")
	all, err := s.endpoints()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"amqps://u:xxxxx@h:5671/a%2Fb", "amqp://guest:xxxxx@g:1/a%2Fb"} {
		if got := all[i].String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A variable such as RABBITMQ_URL holds one text: where it names all nodes of a cluster, the loss of one of them is no loss of the broker.
func TestSeveralURLs(t *testing.T) {
	for raw, want := range map[string][]string{
		"amqp://u:a,b@h/v":               {"amqp://u:a,b@h/v"},
		"amqp://u:a,b@h/v,amqps://u:c@g": {"amqp://u:a,b@h/v", "amqps://u:c@g"},
		"amqp://f,\n AMQP://g ,amqp://h": {"amqp://f", "AMQP://g", "amqp://h"},
	} {
		if d := cmp.Diff(want, splitURLs(raw)); d != "" {
			t.Errorf("%s: %s", raw, d)
		}
	}
	s := DefaultServer()
	s.URL = engine.NewSecret("amqp://u:geheim@f/v,amqps://g/v")
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	all, err := s.endpoints()
	if err != nil || len(all) != 2 || all[0].password != "geheim" || all[1].host != "g" || !all[1].secure {
		t.Errorf("the brokers are %v, %v", all, err)
	}
}

// Replicas of one configuration would all go to the broker that is first in it.
func TestDialersSpread(t *testing.T) {
	s := DefaultServer()
	s.URLs = secrets("amqp://a", "amqp://b", "amqp://c")
	first := map[string]int{}
	for range 100 { // one of them is first in none with a chance of 1 to 10^17
		d, err := NewDialer(s, "", "")
		if err != nil {
			t.Fatal(err)
		}
		first[d.endpoints[0].host]++
	}
	if len(first) != 3 {
		t.Errorf("the first brokers of 100 dialers are %v", first)
	}
}

func secrets(urls ...string) []engine.Secret {
	all := make([]engine.Secret, len(urls))
	for i, u := range urls {
		all[i] = engine.NewSecret(u)
	}
	return all
}
