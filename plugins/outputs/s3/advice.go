package s3

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A refusal is often the answer to one attribute of the output. These say which, and what to write in its place. Stores have few codes for
// many reasons (InvalidRequest, InvalidArgument, NotImplemented), so their words are looked at too.

// advice is what an answer asks to change, "" if it asks for nothing that the output knows of.
func (o *output) advice(a answer) string {
	switch said := strings.ToLower(a.message); {
	case a.code == "AccessControlListNotSupported":
		return "the bucket allows no ACLs: leave acl out"
	case a.status/100 != 4 && a.status != http.StatusNotImplemented || a.status == http.StatusForbidden:
		return ""
	case o.cfg.ACL != "" && strings.Contains(said, "acl") && a.code != "AccessDenied":
		return "the server does not take the ACL: leave acl out"
	case asksForChecksum(a.code, said):
		return o.otherChecksum(said)
	default:
		return o.unknownHeader(said)
	}
}

// asksForChecksum reports whether the server has no upload without one (codes of Amazon's and MinIO's).
func asksForChecksum(code, said string) bool {
	names := strings.Contains(said, "content-md5") || strings.Contains(said, "x-amz-checksum") || strings.Contains(said, "checksum")
	return code == "MissingContentMD5" || names && (strings.Contains(said, "required") || strings.Contains(said, "missing"))
}

// otherChecksum says which value of checksum the server may take, if another one than it is.
func (o *output) otherChecksum(said string) string {
	switch {
	case !o.sendsChecksum() && o.cfg.Checksum != "md5" && strings.Contains(said, "x-amz-checksum"):
		return `the server takes no upload without a checksum; set checksum = "always"`
	case o.cfg.Checksum != "md5" && (o.sendsChecksum() || strings.Contains(said, "md5")):
		return `the server takes no upload without Content-MD5; set checksum = "md5"`
	case !o.sendsChecksum():
		return `the server takes no upload without a checksum; set checksum = "always"`
	}
	return ""
}

// sendsChecksum reports whether uploads have one of the SDK's.
func (o *output) sendsChecksum() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.client != nil && o.client.api.Options().RequestChecksumCalculation == aws.RequestChecksumCalculationWhenSupported
}

// headerAttributes are the headers that a server may not know, by the attribute that sets them. The first that is named counts.
var headerAttributes = []struct{ header, attr string }{
	{"x-amz-server-side-encryption-bucket-key-enabled", "bucket_key"},
	{"x-amz-server-side-encryption-aws-kms-key-id", "kms_key"},
	{"x-amz-server-side-encryption", "server_side_encryption"},
	{"x-amz-storage-class", "storage_class"},
	{"x-amz-acl", "acl"},
	{"x-amz-tagging", "tags"},
	{"x-amz-request-payer", "request_payer"},
	{"x-amz-checksum", "checksum"},
	{"x-amz-sdk-checksum", "checksum"},
	{"x-amz-trailer", "checksum"},
	{"streaming-", "checksum"},
	{"content-md5", "checksum"},
}

func (o *output) unknownHeader(said string) string {
	for _, h := range headerAttributes {
		switch {
		case !strings.Contains(said, h.header):
		case h.attr != "checksum":
			return "the server does not take " + h.attr + ": leave it out"
		case o.sendsChecksum():
			return `the server does not take checksums; set checksum = "required"`
		default:
			return ""
		}
	}
	return ""
}

// denied is what the credentials need for what the configuration asks, and what a bucket of somebody else may ask.
func (o *output) denied(a answer) string {
	needs := []string{"s3:PutObject"}
	if o.cfg.ACL != "" {
		needs = append(needs, "s3:PutObjectAcl")
	}
	if len(o.cfg.Tags) > 0 {
		needs = append(needs, "s3:PutObjectTagging")
	}
	text := fmt.Sprintf("access denied: the credentials may not put objects here (%s, and the use of the KMS key where one encrypts)", strings.Join(needs, ", "))
	if a.message != "Access Denied" { // else it says why
		return text
	}
	var may []string
	if o.cfg.ACL == "" {
		may = append(may, `acl = "bucket-owner-full-control"`)
	}
	if !o.cfg.RequestPayer {
		may = append(may, "request_payer = true")
	}
	if len(may) > 0 {
		text += "; a bucket of another account may demand " + strings.Join(may, " or ")
	}
	return text
}

// redirected says where a web server sends its clients. A store that has the bucket elsewhere says so in its own words instead.
func (o *output) redirected(a answer) string {
	if a.status/100 != 3 || a.location == "" || a.region != "" || a.isRedirectOfStore() {
		return ""
	}
	to, err := url.Parse(a.location)
	switch {
	case err != nil:
		return ""
	case to.Host == "" || strings.EqualFold(to.Host, a.host):
		if to.Scheme == "" || a.scheme == to.Scheme {
			// Its path alone is another: that of a page to log in, for example.
			return fmt.Sprintf("%s redirects to the path %.100s, which no S3 server does; check that it is one", o.where(), to.EscapedPath())
		}
	}
	server := (&url.URL{Scheme: to.Scheme, Host: to.Host}).String()
	if to.Scheme == "" {
		server = a.scheme + ":" + server
	}
	server = strings.Replace(server, "://"+o.cfg.Bucket+".", "://", 1) // where the bucket stands in the name of the host
	return fmt.Sprintf("%s redirects to %s, and redirects are not followed; set endpoint = %q", o.where(), server, server)
}

// isRedirectOfStore says that the answer is in the words of S3. An answer without any has a code and a message that the SDK makes of its status.
func (a answer) isRedirectOfStore() bool {
	if a.message == http.StatusText(a.status) {
		return false
	}
	switch a.code {
	case "PermanentRedirect", "TemporaryRedirect", "Redirect":
		return true
	}
	return false
}
