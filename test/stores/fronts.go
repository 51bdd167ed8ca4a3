package stores

import "net/http"

// Front is a kind of store, or what stands before one.
type Front struct {
	Name string
	// Regions that a signature may be for, the store's own first. None: any.
	Regions []string
	// Before answers in place of the store, if it returns true.
	Before func(http.ResponseWriter, *http.Request) bool
	// Way changes a request on its way to the store, which verifies what arrives.
	Way   func(*http.Request)
	Rules []Rule
	// Settings are lines of the output "s3" that this front needs beside endpoint and bucket.
	Settings string
	// Limits says that it refuses some uploads as a matter of course, which are to be tried again.
	Limits bool
}

func (f Front) region() string {
	if len(f.Regions) > 0 {
		return f.Regions[0]
	}
	return "us-east-1"
}

// Fronts are all of them. Each call makes new ones, as some count.
func Fronts() []Front {
	return []Front{Plain(), Google(), R2(), B2(), ObjectLock(), DemandsChecksum(), ACLsDisabled(), OwnerMustControl(), RequesterPays(), Limits(), NoExpect()}
}

// Plain takes what is signed.
func Plain() Front { return Front{Name: "plain"} }

// Google is Cloud Storage by HMAC keys. Its front end appends to Accept-Encoding before the signature is looked at
// (aws-sdk-go-v2#1816, rclone#6670: the CanonicalRequest of the answer has "accept-encoding:identity,gzip(gfe)"), and it knows neither
// checksums nor chunks of AWS (the same reports; Cloud Storage, "Fully migrate from Amazon S3"). An ACL is refused where access is uniform, as it is for new
// buckets ("Uniform bucket-level access").
func Google() Front {
	return Front{
		Name: "Google Cloud Storage", Regions: nil,
		Way: func(r *http.Request) {
			if values := r.Header["Accept-Encoding"]; len(values) > 0 {
				r.Header["Accept-Encoding"] = append(values[:len(values):len(values)], "gzip(gfe)")
			}
		},
		Rules: []Rule{
			noChunks(403, "SignatureDoesNotMatch", "Access denied."),
			noHeader(400, "InvalidArgument", "Cannot insert legacy ACL for an object when uniform bucket-level access is enabled.", "x-amz-acl"),
		},
	}
}

// R2 is Cloudflare's ("S3 API compatibility": the names of regions, and that x-amz-acl, x-amz-tagging, x-amz-request-payer and server-side
// encryptions are not implemented; the text: pixelfed#3775, openreplay#2018; chunks: soto#643, cloudflare-docs#6133).
func R2() Front {
	return Front{
		Name: "Cloudflare R2", Regions: []string{"auto", "us-east-1"}, Settings: `region = "auto"`,
		Rules: []Rule{
			noChunks(501, "NotImplemented", "%s not implemented"),
			noHeader(501, "NotImplemented", "Header '%s' with value '%s' not implemented", "x-amz-acl", "x-amz-tagging", "x-amz-request-payer", "x-amz-server-side-encryption"),
		},
	}
}

// B2 is Backblaze's ("S3-Compatible API", and cyberduck#16107, home-assistant#143995: the text of the refusal). It asks its clients to try
// again as a matter of course ("B2: 503 or 500 Server Error").
func B2() Front {
	return Front{
		Name: "Backblaze B2", Regions: []string{"eu-central-003"}, Settings: `region = "eu-central-003"`, Limits: true,
		Rules: []Rule{
			noHeader(400, "InvalidArgument", "Unsupported header '%s' received for this API call.", "x-amz-checksum-", "x-amz-sdk-checksum-algorithm", "x-amz-trailer", "x-amz-tagging"),
			noChunks(400, "InvalidArgument", "Unsupported header 'x-amz-trailer' received for this API call."),
			oneIn(2, Refusal{Status: 503, Code: "ServiceUnavailable", Message: "no tomes available"}),
		},
	}
}

// ObjectLock is a bucket of Amazon's with a retention by default (aws-sdk-php#1694, minio#16480, versitygw#1776: the text of the refusal).
func ObjectLock() Front {
	return Front{Name: "bucket with object lock", Settings: `checksum = "always"`,
		Rules: []Rule{demands(Refusal{Status: 400, Code: "InvalidRequest",
			Message: "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"}, hasChecksum)}}
}

// DemandsChecksum is a store that takes nothing without a checksum (versitygw#1301: the text).
func DemandsChecksum() Front {
	return Front{Name: "store that demands a checksum", Settings: `checksum = "always"`,
		Rules: []Rule{demands(Refusal{Status: 400, Code: "InvalidRequest",
			Message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"}, hasChecksum)}}
}

// ACLsDisabled is a bucket of Amazon's as they are made today (User Guide, "Controlling ownership of objects": bucket owner enforced).
func ACLsDisabled() Front {
	return Front{Name: "bucket without ACLs", Rules: []Rule{puts(func(u *Request) *Refusal {
		if acl := u.Header.Get("X-Amz-Acl"); acl == "" || acl == "bucket-owner-full-control" {
			return nil
		}
		return &Refusal{Status: 400, Code: "AccessControlListNotSupported", Message: "The bucket does not allow ACLs"}
	})}}
}

// OwnerMustControl is a bucket of another account whose policy asks for an ACL (User Guide, "Bucket policy examples": bucket-owner-full-control).
func OwnerMustControl() Front {
	return Front{Name: "bucket of another account", Settings: `acl = "bucket-owner-full-control"`,
		Rules: []Rule{demands(Refusal{Status: 403, Code: "AccessDenied", Message: "Access Denied"}, func(u *Request) bool {
			return u.Header.Get("X-Amz-Acl") == "bucket-owner-full-control"
		})}}
}

// RequesterPays is a bucket of Amazon's whose owner does not pay (User Guide, "Using Requester Pays buckets"): all requests say who does.
func RequesterPays() Front {
	return Front{Name: "requester pays", Settings: `request_payer = true`,
		Rules: []Rule{func(u *Request) *Refusal {
			if u.Header.Get("X-Amz-Request-Payer") == "requester" {
				return nil
			}
			return &Refusal{Status: 403, Code: "AccessDenied", Message: "Access Denied"}
		}}}
}

// Limits takes every other upload and asks to slow down for the rest (User Guide, "Best practices design patterns": 503 Slow Down).
func Limits() Front {
	return Front{Name: "store that limits", Limits: true, Rules: []Rule{oneIn(2, Refusal{Status: 503, Code: "SlowDown", Message: "Please reduce your request rate."})}}
}

// NoExpect answers 417 to Expect: 100-continue, which clients of S3 send with large bodies.
func NoExpect() Front { return Front{Name: "no Expect", Before: expectsNothing} }

// Redirects is a proxy that sends everything elsewhere, such as from http to https. Nothing is ever stored.
func Redirects(to string) Front { return Front{Name: "proxy that redirects", Before: redirect(to)} }
