package http

import (
	"net/http"

	"github.com/logpipe/logpipe/engine"
)

// The classes of answers; those of the connection are the engine's.
const (
	classForbidden = engine.ClassForbidden
	classTimeout   = engine.ClassTimeout
	classFull      = engine.ClassFull
	classThrottled = "throttled" // the server asks for less
	classMissing   = "missing"   // the path
	classTooLarge  = "too_large" // the request
	classServer    = "server"    // it answers with 5xx
	classRefused   = "refused"   // the server does not want this
)

// classes are those of this output beside the engine's, for engine.Traits.
var classes = []string{classThrottled, classMissing, classTooLarge, classServer, classRefused}

// refusal is an answer that does not say that all is stored.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// Class is what the refusal is counted by.
func (r *refusal) Class() string {
	switch {
	case r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable:
		return classThrottled
	case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
		return classForbidden
	case r.status == http.StatusNotFound || r.status == http.StatusGone:
		return classMissing
	case r.status == http.StatusRequestTimeout:
		return classTimeout
	case r.status == http.StatusRequestEntityTooLarge:
		return classTooLarge
	case r.status == http.StatusInsufficientStorage:
		return classFull
	case r.status >= 500:
		return classServer
	case r.status >= 300:
		return classRefused
	}
	return "" // a success that is none of those in success
}
