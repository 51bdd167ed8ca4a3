package s3

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/test/servers"
)

// answering is an output whose server always gives one answer, for what no server on this machine can be brought to say.
func answering(t *testing.T, status int, header http.Header, body string) *output {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return open(t, reach(&servers.S3{Endpoint: server.URL, AccessKey: "AKIDEXAMPLE", SecretKey: "secret-value", Region: "us-east-1"}, "logs"))
}

func xml(code, message string) string {
	return fmt.Sprintf(`<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message><RequestId>4711</RequestId></Error>`, code, message)
}

// What the server says becomes a sentence that an operator can act on, without secrets and without numbers that change each time.
func TestAnswersInWords(t *testing.T) {
	europe := http.Header{"X-Amz-Bucket-Region": {"eu-west-1"}}
	for _, row := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   string
	}{
		{"slow down", 503, nil, xml("SlowDown", "Please reduce your request rate."), "the server asks to slow down (SlowDown: Please reduce your request rate.)"},
		{"overloaded", 503, nil, "<html>busy</html>", "the server is overloaded"},
		{"bad gateway", 502, nil, "<html>bad gateway</html>", "the server answers 502 Bad Gateway"},
		{"internal", 500, nil, xml("InternalError", "We encountered an internal error."), "the server answers 500 Internal Server Error (InternalError: We encountered an internal error.)"},
		{"denied", 403, nil, xml("AccessDenied", "User: arn:aws:iam::1:user/u is not\nauthorized"), "the credentials may not put objects here (s3:PutObject, and the use of the KMS key where one encrypts) (AccessDenied: User: arn:aws:iam::1:user/u is not authorized)"},
		{"denied without words", 403, nil, "", "access denied: the credentials are not allowed to do this"},
		{"other region", 301, europe, xml("PermanentRedirect", "Use the other endpoint."), `bucket "logs" is in region eu-west-1 and not in us-east-1; set region = "eu-west-1"`},
		{"other region, signed", 400, nil, xml("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'"), "check region and endpoint (AuthorizationHeaderMalformed: the region 'us-east-1' is wrong; expecting 'eu-west-1')"},
		{"redirect", 307, http.Header{"Location": {"http://127.0.0.1:1/"}}, "", `redirects to http://127.0.0.1:1, and redirects are not followed; set endpoint = "http://127.0.0.1:1"`},
		{"redirect to a page", 302, http.Header{"Location": {"/login?next=%2Flogs"}}, "", "redirects to the path /login, which no S3 server does"},
		{"redirect of S3", 307, http.Header{"Location": {"https://logs.s3-eu-west-1.amazonaws.com/x"}}, xml("TemporaryRedirect", "Please re-send this request."), `bucket "logs" is not in region us-east-1`},
		{"checksum for object lock", 400, nil, xml("InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"), `set checksum = "always"`},
		{"only MD5", 400, nil, xml("InvalidRequest", "Missing required header for this request: Content-MD5"), `set checksum = "md5"`},
		{"only MD5, MinIO", 400, nil, xml("MissingContentMD5", "Missing required header for this request: Content-Md5."), `set checksum = "md5"`},
		{"a proxy's password", 407, nil, "<html>squid</html>", "a proxy asks for a user and a password"},
		{"somebody else's bucket", 403, nil, xml("AccessDenied", "Access Denied"), `may demand acl = "bucket-owner-full-control" or request_payer = true`},
		{"clock", 403, http.Header{"Date": {time.Now().Add(-2 * time.Hour).UTC().Format(http.TimeFormat)}}, xml("RequestTimeTooSkewed", "The difference is too large."), "the clock of this machine is 2h0m"},
		{"expired", 400, nil, xml("ExpiredToken", "The provided token has expired."), "access denied: the session token has expired"},
		{"full", 507, nil, xml("XMinioStorageFull", "Storage backend has reached its minimum free drive threshold."), "the server's storage is full"},
		{"checksum", 501, nil, xml("NotImplemented", "A header you provided implies functionality that is not implemented."), `checksum = "required"`},
		{"no such place", 404, nil, "404 page not found", "check endpoint and path_style"},
		{"echo", 403, nil, xml("SignatureDoesNotMatch", "you signed with secret-value as AKIDEXAMPLE"), "you signed with (secret) as (secret)"},
		{"too large", 400, nil, xml("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"), "set a smaller bytes for the processor batch"},
		{"too large for a proxy", 413, nil, "<html>413 Request Entity Too Large</html>", "set a smaller bytes for the processor batch"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := answering(t, row.status, row.header, row.body).Write(t.Context(), batchOf("b1", "a", "b"))
			wantError(t, err, "put object logs/b1.ndjson into bucket logs: ", row.want)
			for _, never := range []string{"secret-value", "AKIDEXAMPLE", "4711", "Signature="} {
				if strings.Contains(err.Error(), never) {
					t.Errorf("%v: contains %q", err, never)
				}
			}
		})
	}
}

// Only what is true of each message alone sends messages to the dead letter.
func TestWhatIsPermanent(t *testing.T) {
	tooLarge := answering(t, 400, nil, xml("EntityTooLarge", "Too large."))
	html := answering(t, 413, http.Header{"Content-Type": {"text/html"}}, "<html>413 Request Entity Too Large</html>") // nginx
	for _, o := range []*output{tooLarge, html} {
		if err := o.Write(t.Context(), batchOf("b1", "a")); !engine.IsTooLarge(err) || engine.IsPermanent(err) {
			t.Errorf("a single message that is too large is a dead letter only when others are stored: %v", err)
		}
		if err := o.Write(t.Context(), batchOf("b1", "a", "b")); !engine.IsTooLarge(err) || engine.IsPermanent(err) {
			t.Errorf("many messages that are too large together: %v", err)
		}
	}
	if err := answering(t, 400, nil, xml("KeyTooLongError", "Your key is too long")).Write(t.Context(), batchOf("b1", "a", "b")); !engine.IsPermanent(err) {
		t.Errorf("a key that all messages share: %v", err)
	}
}

// Without the right to list, the bucket may still be well.
func TestCheckWithoutTheRightToList(t *testing.T) {
	wantError(t, answering(t, 403, nil, xml("AccessDenied", "Access Denied")).Check(t.Context()), "cannot tell")
}

// Credentials that the server refuses are read again, as somebody may have repaired them; others are kept, with their
// connections and with what the client has learnt of the server's clock.
func TestRefusedCredentialsAreForgotten(t *testing.T) {
	for _, row := range []struct {
		status  int
		code    string
		forgets bool
	}{
		{400, "ExpiredToken", true}, {403, "AccessDenied", true}, {403, "InvalidAccessKeyId", true}, {404, "XAdminUserNotFound", true},
		{403, "RequestTimeTooSkewed", false}, {503, "SlowDown", false}, {404, "NoSuchBucket", false},
	} {
		o := answering(t, row.status, nil, xml(row.code, "No."))
		wantError(t, o.Write(t.Context(), batchOf("b1", "a")))
		if forgot := o.client == nil; forgot != row.forgets {
			t.Errorf("%s: the client was forgotten: %v", row.code, forgot)
		}
	}
}

func TestHostThatDoesNotExist(t *testing.T) {
	cfg := reach(&servers.S3{Endpoint: "http://s3.invalid", AccessKey: "key-of-test", SecretKey: "secret-value", Region: "us-east-1"}, "logs")
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b1", "a")), `there is no host "s3.invalid"`)
	cfg.PathStyle = "false"
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b1", "a")), `there is no host "logs.s3.invalid"`, "path_style")
}

// A role is asked for at STS; what that refuses is told with the role's name.
func TestRoleThatCannotBeAssumed(t *testing.T) {
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(403)
		io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
	}))
	defer sts.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	cfg := reach(&servers.S3{Endpoint: "http://127.0.0.1:1", AccessKey: "key-of-test", SecretKey: "secret-value", Region: "us-east-1"}, "logs")
	cfg.RoleARN = "arn:aws:iam::123456789012:role/logs"
	wantError(t, open(t, cfg).Write(t.Context(), batchOf("b1", "a")),
		"no credentials: role arn:aws:iam::123456789012:role/logs could not be assumed (AccessDenied: not authorized to perform: sts:AssumeRole); its trust policy may ask for external_id")
}

// With role_arn the uploads are the role's, not those of the keys that may assume it; and credentials that are about to expire are not used any more: an upload
// that is under way with them would fail.
func TestUploadsAreSignedWithTheRole(t *testing.T) {
	asked := 0
	lives := []time.Duration{30 * time.Second, time.Hour}
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		if form.Get("ExternalId") != "tenant/4711" || form.Get("RoleSessionName") != "logs@prod" {
			t.Errorf("STS is asked for %v", form)
		}
		if form.Get("RoleArn") != "arn:aws:iam::123456789012:role/logs" || !strings.Contains(r.Header.Get("Authorization"), "Credential=key-of-test/") {
			t.Errorf("STS is asked for %v by %s", form, r.Header.Get("Authorization"))
		}
		fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>role-key-%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
			`<SessionToken>token-%d</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			asked, asked, time.Now().Add(lives[asked%2]).UTC().Format(time.RFC3339))
		asked++
	}))
	defer sts.Close()
	var signed []string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		key, _, _ := strings.Cut(credential, "/")
		signed = append(signed, r.Method+" "+key+" "+r.Header.Get("X-Amz-Security-Token"))
		w.Header().Set("ETag", `"e"`)
	}))
	defer store.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	cfg := reach(&servers.S3{Endpoint: store.URL, AccessKey: "key-of-test", SecretKey: "secret-value", Region: "us-east-1"}, "logs")
	cfg.RoleARN, cfg.ExternalID, cfg.SessionName = "arn:aws:iam::123456789012:role/logs", "tenant/4711", "logs@prod"
	o := open(t, cfg)
	for range 3 {
		mustWrite(t, o, batchOf("b1", "a"))
	}
	if asked != 2 {
		t.Errorf("STS was asked %d times", asked)
	}
	// The first ones live for 30 s only, too short for an upload; the others do for all three.
	if got := strings.Join(signed, ", "); got != "PUT role-key-1 token-1, PUT role-key-1 token-1, PUT role-key-1 token-1" {
		t.Errorf("uploads: %s", got)
	}
}

// net/http has clocks of its own beside the attempt's. Whichever runs out first, the operator reads what did not come: the clock for
// the answer is as long as the attempt's, and was taken for one of the connection.
func TestClocksOfTheClient(t *testing.T) {
	silent := listen(t) // takes connections (its backlog does) and says nothing
	o := open(t, reach(&servers.S3{Endpoint: "http://" + silent.Addr().String(), Region: "us-east-1"}, "logs"))
	for name, c := range map[string]struct {
		url   string
		clock *http.Transport
		want  string
	}{
		"answer":    {"http://", &http.Transport{ResponseHeaderTimeout: 20 * time.Millisecond}, "no answer from "},
		"handshake": {"https://", &http.Transport{TLSHandshakeTimeout: 20 * time.Millisecond}, "did not end the TLS handshake"},
		"dial": {"http://", &http.Transport{DialContext: (&net.Dialer{Deadline: time.Now().Add(-time.Second)}).DialContext},
			"no connection to "},
	} {
		t.Run(name, func(t *testing.T) {
			defer c.clock.CloseIdleConnections()
			_, err := (&http.Client{Transport: c.clock}).Get(c.url + silent.Addr().String())
			if text := o.explainNetwork(err); !strings.Contains(text, c.want) {
				t.Errorf("%v\nis explained as %q, not %q", err, text, c.want)
			}
		})
	}
}
