package stores

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// verify checks the signature of a request as it is now (Amazon S3 API Reference, "Authenticating requests (AWS Signature Version 4)"):
// whoever changes a signed header on the way has made it invalid.
func verify(r *http.Request, s *Store, regions []string) *Refusal {
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return &Refusal{Status: 403, Code: "AccessDenied", Message: "Access Denied"}
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(auth, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[3] != "s3" || scope[4] != "aws4_request" {
		return &Refusal{Status: 400, Code: "AuthorizationHeaderMalformed", Message: "The authorization header is malformed"}
	}
	if scope[0] != s.AccessKey {
		return &Refusal{Status: 403, Code: "InvalidAccessKeyId", Message: "The AWS Access Key Id you provided does not exist in our records."}
	}
	if len(regions) > 0 && !slices.Contains(regions, scope[2]) {
		return &Refusal{Status: 400, Code: "AuthorizationHeaderMalformed", More: "<Region>" + regions[0] + "</Region>",
			Message: fmt.Sprintf("The authorization header is malformed; the region '%s' is wrong; expecting '%s'", scope[2], regions[0])}
	}
	signed := strings.Split(fields["SignedHeaders"], ";")
	if name := unsigned(r, signed); name != "" {
		return &Refusal{Status: 403, Code: "AccessDenied", Message: "There were headers present in the request which were not signed: " + name}
	}
	canonical := canonicalRequest(r, signed)
	sum := sha256.Sum256([]byte(canonical))
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + strings.Join(scope[1:], "/") + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + s.SecretKey)
	for _, part := range scope[1:] {
		key = mac(key, part)
	}
	if want := hex.EncodeToString(mac(key, text)); !hmac.Equal([]byte(want), []byte(fields["Signature"])) {
		var shown strings.Builder
		_ = xml.EscapeText(&shown, []byte(canonical))
		return &Refusal{Status: 403, Code: "SignatureDoesNotMatch", More: "<CanonicalRequest>" + shown.String() + "</CanonicalRequest>",
			Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method."}
	}
	return nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// unsigned is a header that must be signed and is not.
func unsigned(r *http.Request, signed []string) string {
	if !slices.Contains(signed, "host") {
		return "host"
	}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !slices.Contains(signed, lower) {
			return lower
		}
	}
	return ""
}

func canonicalRequest(r *http.Request, signed []string) string {
	var s strings.Builder
	s.WriteString(r.Method + "\n" + encoded(r.URL.Path, true) + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range signed {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
		s.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	s.WriteString("\n" + strings.Join(signed, ";") + "\n" + r.Header.Get("X-Amz-Content-Sha256"))
	return s.String()
}

func canonicalQuery(q url.Values) string {
	var pairs []string
	for name, values := range q {
		for _, v := range values {
			pairs = append(pairs, encoded(name, false)+"="+encoded(v, false))
		}
	}
	sort.Strings(pairs)
	return strings.Join(pairs, "&")
}

// encoded escapes all but the unreserved characters of RFC 3986, and slashes of a path.
func encoded(text string, path bool) string {
	var s strings.Builder
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~', c == '/' && path:
			s.WriteByte(c)
		default:
			fmt.Fprintf(&s, "%%%02X", c)
		}
	}
	return s.String()
}
