// Package http is the output that sends batches by HTTP.
package http

import (
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// Config is the block output "http".
type Config struct {
	URL engine.Template `hcl:"url" example:"https://logs.example.com/ingest" doc:"Where batches are sent. It may depend on the batch behind the name of the host."`

	Format           string `hcl:"format,optional" values:"auto,lines,array,envelope" doc:"lines: each body as a line; a body with a line break is a dead letter. array: a JSON array of the bodies; a body that is not JSON is a dead letter. envelope: a JSON object a line with time, id, routing_key, headers, the reason of a dead letter, and any body. auto: envelope for a fallback or dead_letter, which must take every message, else lines."`
	Compression      string `hcl:"compression,optional" values:"none,gzip,zstd" doc:"How bodies are packed; the header Content-Encoding says so."`
	CompressionLevel int    `hcl:"compression_level,optional" doc:"1 (fast) to 9 (small) for gzip, 1 to 22 for zstd; 0 is a middle way."`
	ContentType      string `hcl:"content_type,optional" doc:"Content-Type of the requests. Without it application/x-ndjson, and application/json for an array."`

	Headers     map[string]string `hcl:"headers,optional" example:"{ X-Source = \"logpipe\" }" doc:"Further headers of each request. Secrets do not belong here."`
	Token       engine.Secret     `hcl:"token,optional" doc:"Token that says who we are."`
	TokenHeader string            `hcl:"token_header,optional" doc:"Header that carries the token."`
	TokenScheme string            `hcl:"token_scheme,optional" doc:"Word in front of the token. Without it Bearer in the header Authorization, and none in others."`
	Username    string            `hcl:"username,optional" doc:"Name for basic authentication, with password."`
	Password    engine.Secret     `hcl:"password,optional" doc:"Password that belongs to username."`

	Success []string      `hcl:"success,optional" doc:"Status codes that say that all of a request is stored. 202 is not among them, because it promises nothing: add it where the receiver means it."`
	Timeout time.Duration `hcl:"timeout,optional" doc:"Longest time of one request. It must be longer than the receiver waits before it answers."`

	TLS *TLS `hcl:"tls,block" doc:"Trust, and who we are, for https."`
}

// TLS is the block tls.
type TLS struct {
	CA         string `hcl:"ca,optional" doc:"PEM file with the authorities that may sign the server's certificate; without it the system's."`
	Cert       string `hcl:"cert,optional" doc:"PEM file with the client's certificate. It is read again for every connection, so that it can be renewed."`
	Key        string `hcl:"key,optional" doc:"PEM file with the key of cert."`
	ServerName string `hcl:"server_name,optional" doc:"The name that the server's certificate must be for, where that is not the host of the URL."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config {
	return Config{
		Format: "auto", Compression: "none", TokenHeader: authorization, Success: []string{"200", "201", "204"}, Timeout: 90 * time.Second,
	}
}

const authorization = "Authorization"

// array is the format that package encode does not have.
const array = "array"

// Traits says which files are read, what cannot be stored, and how errors are counted.
func (c *Config) Traits() engine.Traits {
	t := engine.Traits{LinesOnly: c.Format != array && c.Format != string(encode.Envelope), Classes: classes}
	if c.TLS != nil {
		t.Files = map[string]string{}
		for attr, name := range map[string]string{"tls.ca": c.TLS.CA, "tls.cert": c.TLS.Cert, "tls.key": c.TLS.Key} {
			if name != "" {
				t.Files[attr] = name
			}
		}
	}
	return t
}

// Validate returns what is wrong with the configuration, all of it.
func (c *Config) Validate() error {
	errs := []error{c.checkURL(), c.checkBody(), c.checkHeaders(), c.checkLogin()}
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if len(c.Success) == 0 {
		bad("success", "without a code nothing would ever count as stored")
	}
	for _, code := range c.Success {
		if n, err := strconv.Atoi(code); err != nil || n < 200 || n > 299 || n == http.StatusMultiStatus {
			bad("success", "%q is no status that says that all is stored; those are 200 to 299, without 207", code)
		}
	}
	if c.Timeout <= 0 {
		bad("timeout", "a request needs some time; this is %v", c.Timeout)
	}
	if c.TLS != nil && (c.TLS.Cert == "") != (c.TLS.Key == "") {
		bad("tls.cert", "cert and key belong together")
	}
	return errors.Join(errs...)
}

// ValidateRole returns what a fallback or a dead letter cannot have.
func (c *Config) ValidateRole(role engine.Role) error {
	if c.Format == array {
		if role == engine.RoleDeadLetter {
			return engine.AttrErrorf("format", `a dead letter must take every message, and an array takes JSON only; use "envelope"`)
		}
		return nil
	}
	_, err := encode.FormatFor(c.Format, role)
	return err
}

const exampleURL = `"https://logs.example.com/ingest"`

// checkURL looks at what the URL is for two batches that differ in all that a template can say of one.
func (c *Config) checkURL() error {
	var places [2]string
	for i, b := range []*engine.Batch{
		probe(c.URL, "a", time.Date(2006, 1, 2, 3, 4, 5, 0, time.UTC)), probe(c.URL, "b", time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)),
	} {
		text, err := c.URL.Render(b)
		if err != nil {
			return engine.AttrErrorf("url", "it cannot be made for a batch: %v", err)
		}
		u, err := url.Parse(odd(text))
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			// The text of err is not shown: it repeats what may hold a password.
			return engine.AttrErrorf("url", "that is no URL of a server; write for example %s", exampleURL)
		case u.User != nil:
			return engine.AttrErrorf("url", "credentials do not belong into the URL; use username and password, or token")
		case u.Fragment != "":
			return engine.AttrErrorf("url", "what stands behind a # is never sent; leave it out")
		}
		places[i] = u.Scheme + "://" + u.Host
	}
	if places[0] != places[1] {
		return engine.AttrErrorf("url", "a message could choose the server that gets the logs and the token: the host must not depend on the batch")
	}
	return nil
}

func (c *Config) checkBody() error {
	formats := []string{"", "auto", string(encode.Lines), array, string(encode.Envelope)}
	if !slices.Contains(formats, c.Format) {
		return engine.AttrErrorf("format", `there is no format %q; use "lines", "array", "envelope" or "auto"`, c.Format)
	}
	_, err := encode.New(encode.Lines, c.compression(), c.CompressionLevel)
	return errors.Join(err, plainText("content_type", c.ContentType))
}

func (c *Config) compression() encode.Compression {
	if c.Compression == "" {
		return encode.None
	}
	return encode.Compression(c.Compression)
}

// ours are headers that the output sets by itself.
var ours = []string{"Content-Encoding", "Content-Length", "Content-Type", "Host", "Idempotency-Key", "Transfer-Encoding"}

func (c *Config) checkHeaders() error {
	var errs []error
	for name, value := range c.Headers {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !isToken(name):
			errs = append(errs, engine.AttrErrorf("headers", "%q is no name of a header", name))
		case canonical == authorization:
			errs = append(errs, engine.AttrErrorf("headers", "%s would be shown to everybody who sees the configuration; use token, or username and password", name))
		case slices.Contains(ours, canonical):
			errs = append(errs, engine.AttrErrorf("headers", "%s follows from the other attributes", name))
		}
		errs = append(errs, plainText("headers", value))
	}
	return errors.Join(errs...)
}

func (c *Config) checkLogin() error {
	var errs []error
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if !isToken(c.TokenHeader) {
		bad("token_header", "%q is no name of a header", c.TokenHeader)
	}
	if strings.ContainsFunc(c.Token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		bad("token", "it has characters that no token has, perhaps the line feed at the end of a file: use trimspace")
	}
	if (c.Username == "") != (c.Password.Reveal() == "") {
		bad("username", "username and password belong together")
	}
	if c.Username != "" && c.Token.Reveal() != "" && textproto.CanonicalMIMEHeaderKey(c.TokenHeader) == authorization {
		bad("username", "a request has one header Authorization: it can carry the token, or username and password")
	}
	return errors.Join(append(errs, plainText("token_scheme", c.TokenScheme))...)
}

// isToken says whether a text may be the name of a header (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) })
}

func plainText(attr, value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return engine.AttrErrorf(attr, "%q has characters that no header can carry", value)
	}
	return nil
}
