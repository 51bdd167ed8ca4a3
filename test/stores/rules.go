package stores

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Rule refuses a request that a store does not take; nil takes it.
type Rule func(*Request) *Refusal

// puts applies a rule to uploads alone.
func puts(rule Rule) Rule {
	return func(u *Request) *Refusal {
		if u.Method != http.MethodPut || u.Key == "" {
			return nil
		}
		return rule(u)
	}
}

// noHeader refuses uploads with a header that begins with one of the names. The text may have a %s for its name, and one for its value.
func noHeader(status int, code, text string, names ...string) Rule {
	return puts(func(u *Request) *Refusal {
		for name := range u.Header {
			if lower := strings.ToLower(name); slices.ContainsFunc(names, func(p string) bool { return strings.HasPrefix(lower, p) }) {
				said := []any{lower, u.Header.Get(name)}[:strings.Count(text, "%s")]
				return &Refusal{Status: status, Code: code, Message: fmt.Sprintf(text, said...)}
			}
		}
		return nil
	})
}

// noChunks refuses bodies in the chunks of AWS.
func noChunks(status int, code, text string) Rule {
	return puts(func(u *Request) *Refusal {
		if !u.Chunked() {
			return nil
		}
		return &Refusal{Status: status, Code: code, Message: strings.ReplaceAll(text, "%s", u.Header.Get("X-Amz-Content-Sha256"))}
	})
}

// demands refuses uploads without one of these headers.
func demands(refusal Refusal, has func(*Request) bool) Rule {
	return puts(func(u *Request) *Refusal {
		if has(u) {
			return nil
		}
		return &refusal
	})
}

func hasChecksum(u *Request) bool { return u.Checksum() != "" }

// oneIn answers all but each nth upload with this refusal.
func oneIn(n int64, refusal Refusal) Rule {
	var count atomic.Int64
	return puts(func(*Request) *Refusal {
		if count.Add(1)%n == 0 {
			return nil
		}
		return &refusal
	})
}

// redirect answers everything as a web server that sends its clients elsewhere.
func redirect(to string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Location", to+r.URL.RequestURI())
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusMovedPermanently)
		_, _ = io.WriteString(w, "<html><head><title>301 Moved Permanently</title></head></html>")
		return true
	}
}

// expectsNothing answers as servers that do not know Expect: 100-continue (RFC 9110, section 10.1.1).
func expectsNothing(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Expect") == "" {
		return false
	}
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Length", "0") // else a proxy waits for the end of the answer, and this for the body that is not sent
	w.WriteHeader(http.StatusExpectationFailed)
	_ = http.NewResponseController(w).Flush()
	_, _ = io.Copy(io.Discard, r.Body) // of a client that was too slow to see the answer first
	return true
}
