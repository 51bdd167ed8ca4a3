package http

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// ServeHTTP is the way of one request: may it come in, read it, hand it over, wait until it is stored.
func (s *session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	// Not the server's own, which would run on while a request waits for being stored.
	_ = control.SetWriteDeadline(time.Now().Add(s.in.ReadTimeout)) // of "100 Continue"
	a := s.answer(r)
	if a.status == 0 {
		panic(http.ErrAbortHandler) // nobody seems to be there; to return would say 200 to one who is
	}
	// Before it writes, the server reads what is left of a body that was refused, until the first of these deadlines.
	_ = control.SetWriteDeadline(time.Now().Add(2 * s.in.ReadTimeout))
	if a.status != http.StatusOK && !a.drain {
		s.in.refused.note(a, r.RemoteAddr)
	}
	a.write(w)
}

func (s *session) answer(r *http.Request) answer {
	if a, ok := s.door(r); !ok {
		return a
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return tooManyRequests
	}
	charge := charge{budget: &s.in.pending}
	defer charge.release()
	p, err := s.receive(r, &charge)
	if err != nil {
		return s.unreadable(r.Context(), err)
	}
	if len(p.messages) == 0 {
		return stored(0)
	}
	n := len(p.messages)
	if a, ok := s.handOver(r.Context(), p); !ok {
		spare(p.messages)
		return a
	}
	charge.release() // the window of the pipeline counts it now
	return s.wait(r.Context(), p, n)
}

// door refuses what can be refused before a byte of the body was read.
func (s *session) door(r *http.Request) (answer, bool) {
	switch {
	case r.URL.Path != s.in.Path:
		return wrongPath(s.in.Path), false
	case r.Method != http.MethodPost:
		return wrongMethod, false
	case !s.allowed(r):
		return wrongToken, false
	case r.ContentLength > int64(s.in.MaxBodyBytes):
		return tooLarge(s.in.MaxBodyBytes), false
	}
	select {
	case <-s.stopping:
		return draining, false
	default:
		return answer{}, true
	}
}

// allowed compares all tokens, each in a time that tells nothing of it.
func (s *session) allowed(r *http.Request) bool {
	if len(s.in.tokens) == 0 {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(token))
	same := 0
	for i := range s.in.tokens {
		same |= subtle.ConstantTimeCompare(sum[:], s.in.tokens[i][:])
	}
	return same == 1 && strings.EqualFold(scheme, "Bearer")
}

// handOver waits until the pipeline reads, which it does not when its window is full.
func (s *session) handOver(ctx context.Context, p *parcel) (answer, bool) {
	patience := time.NewTimer(s.in.AdmitTimeout)
	defer patience.Stop()
	select {
	case s.admit <- p:
		return answer{}, true
	case <-patience.C:
		return noRoom, false
	case <-s.stopping:
		return draining, false
	case <-ctx.Done():
		return answer{}, false
	}
}

// wait waits until all n messages of p are durable.
func (s *session) wait(ctx context.Context, p *parcel, n int) answer {
	patience := time.NewTimer(s.in.Timeout)
	defer patience.Stop()
	var a answer
	select {
	case <-p.settled:
	case <-patience.C:
		a = notStoredYet(s.in.Timeout)
	case <-s.closing:
		a = ended
	case <-ctx.Done():
	}
	select { // whatever else happened at the same time
	case <-p.settled:
		return stored(n)
	default:
		return a
	}
}
