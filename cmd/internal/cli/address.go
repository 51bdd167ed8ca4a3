package cli

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/logpipe/logpipe/engine/config"
)

// Address reads where a running logpipe listens, as all commands take it: HOST:PORT, HOST, :PORT as in the admin block, or a URL, which may be of
// https and have a path where a server stands in front. What is left out is as config.DefaultListen has it. The result is a URL without a slash
// at its end; an error is one of usage.
func Address(text string) (*url.URL, error) {
	given := text
	if !strings.Contains(text, "://") {
		if strings.HasPrefix(text, ":") {
			text = "127.0.0.1" + text
		}
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, Usagef("%q is no address such as %s", given, config.DefaultListen)
	}
	if u.Port() == "" && u.Scheme == "http" {
		_, port, _ := net.SplitHostPort(config.DefaultListen)
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	u.Path, u.RawPath, u.RawQuery, u.Fragment = strings.TrimSuffix(u.Path, "/"), "", "", ""
	return u, nil
}

// Client asks a running logpipe. It does not ask a proxy of the environment: logpipe is this machine's, mostly, and a proxy has another 127.0.0.1.
func Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}
