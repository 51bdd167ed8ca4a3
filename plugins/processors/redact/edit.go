package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// edit makes a new body of an old one. The old one may share its memory with its neighbours, so it stays as it is.
type edit struct {
	src  []byte
	out  []byte
	done int // so much of src is in out
}

// replace puts text in the place of a part of src. Parts come in their order.
func (e *edit) replace(part jsonscan.Span, text []byte) {
	if e.out == nil {
		e.out = make([]byte, 0, len(e.src)+len(text))
	}
	e.out = append(append(e.out, e.src[e.done:part.From]...), text...)
	e.done = part.To
}

// result is the body; src itself where nothing was replaced.
func (e *edit) result() []byte {
	if e.out == nil {
		return e.src
	}
	e.out = append(e.out, e.src[e.done:]...)
	return e.out[:len(e.out):len(e.out)]
}

// hashDigits is how many hexadecimal digits of a hash are written. Two of a billion values have the same 128 bits about once in 10^20 cases.
const hashDigits = 32

// substitute makes what takes the place of secrets. What its methods return holds until the next call.
type substitute struct {
	plain, quoted []byte // the mask as text, and as a JSON string
	mac           hash.Hash
	sum           [sha256.Size]byte
	hex           [1 + hashDigits + 1]byte // with quotes around it
}

func newSubstitute(c Config) *substitute {
	s := &substitute{}
	switch c.With {
	case withMask:
		s.plain = []byte(c.Mask)
		s.quoted, _ = json.Marshal(c.Mask) // a text has always one
	case withRemove:
		s.quoted = []byte(`""`)
	case withHash:
		s.mac = hmac.New(sha256.New, []byte(c.HashKey.Reveal()))
		s.hex[0], s.hex[len(s.hex)-1] = '"', '"'
	}
	return s
}

// asString is a whole JSON string, an empty one where secrets are removed.
func (s *substitute) asString(secret []byte) []byte {
	if s.mac == nil {
		return s.quoted
	}
	s.mac.Reset()
	s.mac.Write(secret)
	hex.Encode(s.hex[1:], s.mac.Sum(s.sum[:0])[:hashDigits/2])
	return s.hex[:]
}

// inString is a part of a JSON string. A secret is hashed as it reads when it is unwrapped so many times, so that the same one has the same hash
// in a URL and out of it.
func (s *substitute) inString(secret []byte, unwraps int) []byte {
	if s.mac != nil {
		secret = unwrap(secret, unwraps)
	}
	whole := s.asString(secret)
	return whole[1 : len(whole)-1]
}

// inText is a part of a body that is not JSON.
func (s *substitute) inText(secret []byte, unwraps int) []byte {
	if s.mac == nil {
		return s.plain
	}
	return s.inString(secret, unwraps)
}
