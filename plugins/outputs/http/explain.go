package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// refuse makes an error of an answer, and notes how long the server wants to be left alone.
func (o *output) refuse(response *http.Response, said []byte) error {
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable {
		o.pause.ask(retryAfter(response.Header, time.Now()))
	}
	text := fmt.Sprintf("the server answers %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	if advice := advice(response); advice != "" {
		text += ": " + advice
	}
	if words := o.redact(strings.Join(strings.Fields(string(said)), " ")); words != "" {
		text += fmt.Sprintf(" (%.300q)", words)
	}
	return &refusal{response.StatusCode, text}
}

func advice(response *http.Response) string {
	switch code := response.StatusCode; {
	case code == http.StatusAccepted:
		return "that promises nothing; if the receiver means that all is stored, add 202 to success"
	case code < 300:
		return "that is not among the codes in success"
	case code < 400:
		to, err := response.Location()
		if err != nil {
			return "redirects are not followed; write the final address in url"
		}
		return fmt.Sprintf("redirects are not followed; if %s is right, write that in url", where(to.String()))
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return "check token, or username and password"
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed:
		return "check url"
	case code == http.StatusRequestEntityTooLarge:
		return "it takes no request of this size; set a smaller bytes for the processor batch"
	case code == http.StatusUnsupportedMediaType:
		return "check format, compression and content_type"
	}
	return ""
}

// redact takes secrets out of a text. No server should repeat them, but some servers repeat what they were sent.
func (o *output) redact(text string) string {
	for _, secret := range []string{o.cfg.Token.Reveal(), o.cfg.Password.Reveal()} {
		if len(secret) >= 4 {
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	return text
}

// explain tells why there was no answer.
func (o *output) explain(ctx context.Context, target string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which may have a secret in it
	}
	var dns *net.DNSError
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	host := where(target)
	switch {
	case errors.Is(context.Cause(ctx), errSlow):
		return fmt.Errorf("no answer within %v: %w", o.cfg.Timeout, context.DeadlineExceeded)
	case ctx.Err() != nil:
		return fmt.Errorf("broken off: %w", context.Cause(ctx))
	case errors.As(err, &certificate):
		o.forget() // somebody may put the file of authorities right
		return fmt.Errorf("the certificate of the server is not trusted; an authority of one's own goes into tls { ca = … }: %w", certificate.Err)
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%s does not speak TLS; write http:// if that is meant", host)
	case errors.As(err, &dns):
		return fmt.Errorf("there is no host %q: %w", dns.Name, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens there: %w", err)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// Not io.EOF itself: that is the end of a source, and this is none.
		return fmt.Errorf("the server cut the connection before it answered: %w", syscall.ECONNRESET)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no connection within %v: %w", dialTimeout, err)
	}
	return err
}
