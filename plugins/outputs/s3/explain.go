package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// failure is an error of the SDK in words for those who run the pipeline. The SDK's own text names operations and numbers that
// differ each time.
type failure struct {
	text  string
	err   error
	class string // "" where the cause says it
}

// Class is what the failure is counted by.
func (f *failure) Class() string { return f.class }

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

func fail(action string, err error) error { return fmt.Errorf("%s: %w", action, err) }

// explain says what went wrong with a request, and forgets the session where another one could do better. buffer is what
// was sent, nil if nothing was.
func (o *output) explain(ctx context.Context, s session, err error, buffer *encode.Buffer) error {
	a, answered := readAnswer(err)
	var text string
	switch {
	case answered:
		text = o.explainAnswer(a)
	case ctx.Err() != nil:
		text = o.explainEnd(ctx)
	case errors.Is(err, errNoETag):
		text = fmt.Sprintf("%v; check that %s is one", errNoETag, o.where())
	default:
		text = o.explainNetwork(err)
	}
	if a.stale() && (a.namesCredentials() || o.mayRenew()) || isCertificate(err) {
		o.forget(s.client)
	}
	err = &failure{o.redact(text, s), err, classOf(ctx, a, answered, err)}
	switch {
	case a.code == "KeyTooLongError": // which all messages of the batch share
		return engine.Permanent(err)
	case a.tooLarge() && buffer != nil:
		return engine.TooLarge(err)
	}
	return err
}

// mayRenew reports whether a refusal is a reason to read the credentials again. One object alone may be refused, for as long as it is tried:
// credentials that are asked for each time cost their server requests, and the other uploads their connections.
func (o *output) mayRenew() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if !o.refused.IsZero() && now.Sub(o.refused) < renewEvery {
		return false
	}
	o.refused = now
	return true
}

const renewEvery = time.Minute

// answer is what the server said.
type answer struct {
	status        int
	code, message string
	region        string    // where the bucket is, if it said so
	date          time.Time // its clock, zero if it has none
	location      string    // where it redirects to
	scheme, host  string    // of the URL that was asked
}

// readAnswer takes the server's answer out of an error; there is none if the request did not get that far.
func readAnswer(err error) (answer, bool) {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPResponse() == nil || response.HTTPStatusCode() == 0 {
		return answer{}, false
	}
	a := answer{status: response.HTTPStatusCode()}
	header := response.HTTPResponse().Header
	a.region = header.Get("X-Amz-Bucket-Region")
	a.date, _ = http.ParseTime(header.Get("Date"))
	a.location = header.Get("Location")
	if asked := response.HTTPResponse().Request; asked != nil {
		a.scheme, a.host = asked.URL.Scheme, asked.URL.Host
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		a.code, a.message = api.ErrorCode(), strings.Join(strings.Fields(api.ErrorMessage()), " ")
	}
	return a, true
}

// tooLarge says that the object is, by the server or a proxy before it. Smaller ones may be taken.
func (a answer) tooLarge() bool {
	return a.code == "EntityTooLarge" || a.status == http.StatusRequestEntityTooLarge
}

// namesCredentials says that these credentials are no good for anything.
func (a answer) namesCredentials() bool {
	switch a.code {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "XAdminUserNotFound", "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return true
	}
	return false
}

// stale says that other credentials could do better: the next attempt reads them again, as somebody may have changed them.
// Not for a clock that is wrong: the client has learnt the difference, and signs with the right time from now on.
func (a answer) stale() bool {
	switch a.code {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "RequestExpired", "XAdminUserNotFound":
		return true
	case "RequestTimeTooSkewed":
		return false
	}
	return a.status == http.StatusForbidden || a.status == http.StatusUnauthorized
}

// explainAnswer tells a refusal. The server's own words stand at the end, because they can say more.
func (o *output) explainAnswer(a answer) string {
	text := o.meaning(a)
	if a.message == "" || a.message == http.StatusText(a.status) {
		return text
	}
	return fmt.Sprintf("%s (%s: %.300s)", text, a.code, a.message)
}

// meaning is the part of explainAnswer in our words.
func (o *output) meaning(a answer) string {
	if text := cmp.Or(o.advice(a), o.redirected(a)); text != "" {
		return text
	}
	if text, ok := meanings[a.code]; ok {
		return text
	}
	switch {
	case a.code == "AccessDenied":
		return o.denied(a)
	case a.code == "SignatureDoesNotMatch" && o.cfg.Endpoint != "" && o.sendsChecksum():
		return meaningOfSignature + `, or the server takes no checksums: set checksum = "required"`
	case a.code == "SignatureDoesNotMatch":
		return meaningOfSignature
	case a.code == "NoSuchBucket":
		return fmt.Sprintf("there is no bucket %q at %s; the logs wait until it is created", o.cfg.Bucket, o.where())
	case a.code == "RequestTimeTooSkewed" && !a.date.IsZero():
		return fmt.Sprintf("the clock of this machine is %v away from the server's", time.Since(a.date).Abs().Round(time.Second))
	case a.code == "RequestTimeTooSkewed":
		return "the clock of this machine is too far away from the server's"
	case a.elsewhere():
		return o.otherRegion(a)
	case a.tooLarge():
		return "the server, or a proxy before it, takes no object of this size; set a smaller bytes for the processor batch"
	}
	return o.meaningOfStatus(a)
}

const meaningOfSignature = "access denied: the secret key does not belong to the access key, or a proxy changes requests"

// meanings are the codes that need no other facts (Amazon S3 API Reference, "Error responses").
var meanings = map[string]string{
	"InvalidAccessKeyId":        "access denied: the server does not know the access key",
	"XAdminUserNotFound":        "access denied: the server does not know the access key", // versitygw, with 404
	"ExpiredToken":              "access denied: the session token has expired",
	"ExpiredTokenException":     "access denied: the session token has expired",
	"TokenRefreshRequired":      "access denied: the session token has expired",
	"InvalidToken":              "access denied: the session token is not valid",
	"RequestExpired":            "access denied: the request reached the server too late",
	"SlowDown":                  "the server asks to slow down",
	"KeyTooLongError":           "the server takes no key of this length",
	"InvalidStorageClass":       "the server does not know the storage_class",
	"NotImplemented":            `the server does not know a part of the request; perhaps checksum = "required" helps`,
	"XMinioStorageFull":         "the server's storage is full",
	"BadDigest":                 "the body reached the server damaged",
	"XAmzContentSHA256Mismatch": "the body reached the server damaged",
	"RequestTimeout":            "the server waited too long for the body",
}

// meaningOfStatus is the last resort: servers and the proxies before them have codes of their own, or none.
func (o *output) meaningOfStatus(a answer) string {
	switch a.status {
	case http.StatusForbidden:
		return "access denied: the credentials are not allowed to do this"
	case http.StatusNotFound:
		return fmt.Sprintf("%s knows no such place; check endpoint and path_style", o.where())
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "the server is overloaded"
	case http.StatusInsufficientStorage:
		return "the server's storage is full"
	case http.StatusRequestTimeout:
		return "the server waited too long for the body"
	case http.StatusProxyAuthRequired:
		return "a proxy asks for a user and a password; write them into the URL of proxy"
	}
	return fmt.Sprintf("the server answers %d %s", a.status, http.StatusText(a.status))
}

// elsewhere says that the bucket lives in another region. Amazon answers in several ways, on a HEAD without any code.
func (a answer) elsewhere() bool {
	switch a.code {
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return true
	}
	return a.status == http.StatusMovedPermanently || a.status == http.StatusTemporaryRedirect || a.status == http.StatusPermanentRedirect
}

func (o *output) otherRegion(a answer) string {
	region := o.cfg.Region
	if region == "" {
		region = "the default"
	}
	if a.region != "" && a.region != region {
		return fmt.Sprintf("bucket %q is in region %s and not in %s; set region = %q", o.cfg.Bucket, a.region, region, a.region)
	}
	return fmt.Sprintf("bucket %q is not in region %s, or not at %s; check region and endpoint", o.cfg.Bucket, region, o.where())
}

// explainEnd tells why an attempt was broken off.
func (o *output) explainEnd(ctx context.Context) string {
	if errors.Is(context.Cause(ctx), errSlow) {
		return o.noAnswer()
	}
	return "broken off: " + context.Cause(ctx).Error()
}

func (o *output) noAnswer() string {
	return fmt.Sprintf("no answer from %s within %v", o.where(), o.cfg.Timeout)
}

// explainSettings tells why the SDK could not read its settings.
func (o *output) explainSettings(ctx context.Context, err error) error {
	text := err.Error()
	var missing config.SharedConfigProfileNotExistError
	switch {
	case ctx.Err() != nil:
		text = o.explainEnd(ctx)
	case errors.As(err, &missing):
		text = fmt.Sprintf("no credentials: there is no profile %q in the shared AWS files", missing.Profile)
	}
	return &failure{o.redact(text, session{}), err, "credentials"}
}

// explainCredentials tells why there are no credentials.
func (o *output) explainCredentials(ctx context.Context, err error) error {
	var text string
	var api smithy.APIError
	switch {
	case ctx.Err() != nil:
		text = "no credentials: " + o.explainEnd(ctx)
	case errors.As(err, &api) && o.cfg.RoleARN != "":
		text = fmt.Sprintf("no credentials: role %s could not be assumed (%s: %.300s)", o.cfg.RoleARN, api.ErrorCode(), api.ErrorMessage())
		if o.cfg.ExternalID == "" && api.ErrorCode() == "AccessDenied" {
			text += "; its trust policy may ask for external_id"
		}
	default:
		text = fmt.Sprintf("no credentials: set access_key and secret_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, "+
			"or give the machine or pod a role (tried last: %.300s)", root(err))
	}
	return &failure{o.redact(text, session{}), err, "credentials"}
}

// where names the server.
func (o *output) where() string {
	if o.cfg.Endpoint != "" {
		return o.cfg.Endpoint
	}
	return "Amazon S3"
}

// redact takes secrets out of a text. No server should repeat them, but some servers repeat what they were sent.
func (o *output) redact(text string, s session) string {
	if proxy, err := url.Parse(o.cfg.Proxy.Reveal()); err == nil && proxy.User != nil {
		if password, ok := proxy.User.Password(); ok && len(password) >= 4 {
			text = strings.ReplaceAll(text, password, "(secret)")
		}
	}
	for _, secret := range []string{o.cfg.SecretKey.Reveal(), o.cfg.SessionToken.Reveal(), o.cfg.AccessKey.Reveal(), s.used.SecretAccessKey, s.used.SessionToken} {
		if len(secret) >= 4 {
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	return text
}
