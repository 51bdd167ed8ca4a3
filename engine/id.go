package engine

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// NewID returns a name for a batch: 26 characters that sort by the time of the call, with 80 random bits, so that no two
// processes make the same. It is a ULID (https://github.com/ulid/spec).
func NewID() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(time.Now().UnixMilli())<<16)
	rand.Read(b[6:]) // never fails, see package crypto/rand
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])

	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var s [26]byte
	for i := len(s) - 1; i >= 0; i-- {
		s[i] = digits[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(s[:])
}
