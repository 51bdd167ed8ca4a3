package s3

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// signer leaves out of the signature what something before a store may change: then each request is 403 SignatureDoesNotMatch, whatever
// the credentials. Google's front end appends to Accept-Encoding (aws-sdk-go-v2#1816). The protocol asks for Host and x-amz-* alone (Amazon
// S3 API Reference, "Authenticating requests"); what else the SDK signs tells the store nothing.
type signer struct{ s3.HTTPSignerV4 }

var unsigned = []string{"Accept-Encoding", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request"}

// SignHTTP signs the request. The headers that it leaves out are sent all the same.
func (s signer) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, at time.Time,
	options ...func(*v4.SignerOptions)) error {
	aside := http.Header{}
	for _, name := range unsigned {
		if values, ok := r.Header[name]; ok {
			aside[name] = values
			delete(r.Header, name)
		}
	}
	defer maps.Copy(r.Header, aside)
	return s.HTTPSignerV4.SignHTTP(ctx, c, r, hash, service, region, at, options...)
}
