package s3

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// explainNetwork tells why there was no answer.
func (o *output) explainNetwork(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	var op *net.OpError
	var refusal *proxyRefusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return fmt.Sprintf("the proxy cannot be reached: %s; see proxy and HTTPS_PROXY", o.explainNetwork(op.Err))
	case isCertificate(err):
		return o.explainCertificate(err)
	case errors.As(err, &dns):
		return fmt.Sprintf("there is no host %q%s", dns.Name, o.hostHint(dns.Name))
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens at " + address(err, o.where())
	case isPlainHTTP(err):
		return fmt.Sprintf("%s does not speak TLS; write http:// in endpoint if that is meant", o.where())
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("%s cut the connection before it answered", o.where())
	case errors.As(err, &timeout) && timeout.Timeout():
		return o.explainTimeout(err)
	}
	return root(err)
}

// explainTimeout tells which of the client's clocks ran out. The one for the answer's header is as long as the attempt's
// own, so either may be first.
func (o *output) explainTimeout(err error) string {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Sprintf("no connection to %s within %v", address(err, o.where()), dialTimeout)
	case strings.Contains(err.Error(), "TLS handshake timeout"): // net/http has no name for it
		return fmt.Sprintf("%s did not end the TLS handshake within %v", o.where(), dialTimeout)
	}
	return o.noAnswer()
}

// hostHint explains a host that has the bucket in front of the endpoint's.
func (o *output) hostHint(host string) string {
	if o.cfg.Endpoint != "" && strings.HasPrefix(host, o.cfg.Bucket+".") {
		return "; path_style = true keeps the bucket out of the host's name"
	}
	return ""
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification)
}

func (o *output) explainCertificate(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var why string
	switch {
	case errors.As(err, &unknown):
		why = "it is signed by an authority that this machine does not know; name that in tls { ca = \"…\" }"
	case errors.As(err, &host):
		why = host.Error()
	case errors.As(err, &invalid):
		why = invalid.Error()
	default:
		why = root(err)
	}
	return fmt.Sprintf("the certificate of %s is not trusted: %s", o.where(), why)
}

// isPlainHTTP says that the other side answered a TLS handshake in plain text.
func isPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// address is where a connection was tried, or else where.
func address(err error, where string) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return op.Addr.String()
	}
	return where
}

// root is the text of the innermost error, without the names of operations and URLs around it.
func root(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
