package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// guard stands in front of all handlers. Everything here is to be read only, so a request with another method, or with a body, is none
// of ours; without bodies there is nothing that a proxy and we could understand differently. On a loopback address, pages of other sites
// that a browser on this machine shows are kept out: they could reach us by a name of theirs that they point here.
func (s *Server) guard(next http.Handler, loopback bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.recover(w, r)
		harden(w.Header())
		if code, text := refusal(r, loopback); code != 0 {
			w.Header().Set("Connection", "close") // what follows on it may be the rest of what we did not read
			http.Error(w, text, code)
			return
		}
		// A test's recorder has no deadlines; a real connection has.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		next.ServeHTTP(w, r)
	})
}

// harden sets what a browser has to know. A handler may set its own Content-Security-Policy.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// refusal says why a request is not answered; 0: it is.
func refusal(r *http.Request, loopback bool) (code int, text string) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return http.StatusMethodNotAllowed, "only GET and HEAD: nothing can be changed here"
	case r.ContentLength != 0:
		return http.StatusBadRequest, "a request with a body is not understood here"
	case loopback && !isLocal(r.Host):
		return http.StatusForbidden, fmt.Sprintf("this address is for this machine alone, and %q is no name of it: ask for localhost or 127.0.0.1, "+
			`or let admin { listen = "…" } say an address of your network`, r.Host)
	case isForeign(r):
		return http.StatusForbidden, "a page of another site asks for this"
	}
	return 0, ""
}

// isLocal reports whether host is a name of this machine that nobody else can point elsewhere.
func isLocal(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") // RFC 6761, 6.3
}

// LocalOnly answers those who ask from this machine, whatever address the server listens on: also a port that is forwarded to it ends here.
func LocalOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			http.Error(w, "this is answered on the machine of the process alone: ask there, or through a port that is forwarded to its localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isForeign reports whether a browser says that a page of another site asks. A link that somebody follows is welcome.
func isForeign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || !strings.EqualFold(u.Host, r.Host)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// recover ends a request whose handler panicked, and no other.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) {
	broke := recover()
	if broke == nil || broke == http.ErrAbortHandler {
		return
	}
	s.options.Log.Error("a page of the admin server is broken; the logs flow on", "path", r.URL.Path, "error", broke, "stack", string(debug.Stack()))
	http.Error(w, "this page is broken; the log of logpipe has more", http.StatusInternalServerError)
}
