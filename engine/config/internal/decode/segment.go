package decode

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxSegment keeps a key of a few partitions below S3's 1024 bytes, and a folder's name below the 255 of most file systems.
const maxSegment = 128

// Segment makes of a value from the data a text that is one step of a path and nothing else, whatever it holds: no separator, no
// control character, not "." or "..", not empty, not too long. Different values give different texts (long ones differ by
// 128 bits of SHA-256), also after Unicode normalisation, which HCL does to texts; and an ordinary name stays as it is.
func Segment(value string) string {
	if value == "" {
		return "_"
	}
	var s strings.Builder
	for i := 0; i < len(value); {
		r, n := utf8.DecodeRuneInString(value[i:])
		part := value[i : i+n]
		switch {
		case r == utf8.RuneError && n == 1, r < 0x20, r == '/', r == '\\', r == '%', r == 0x7f, 0x80 <= r && r < 0xa0,
			r == '\u2028', r == '\u2029',
			i == 0 && (r == '.' || value == "_"):
			for _, c := range []byte(part) {
				fmt.Fprintf(&s, "%%%02X", c)
			}
		default:
			s.WriteString(part)
		}
		i += n
	}
	if s.Len() <= maxSegment && norm.NFC.IsNormalString(value) {
		return s.String()
	}
	sum := sha256.Sum256([]byte(value))
	// "%~" cannot come from the escapes above, so no short value can look like a long one.
	tail := "%~" + hex.EncodeToString(sum[:16])
	head := s.String()[:min(s.Len(), maxSegment-len(tail))]
	for !utf8.ValidString(head) {
		head = head[:len(head)-1]
	}
	if i := strings.LastIndexByte(head, '%'); i >= 0 && i > len(head)-3 {
		head = head[:i] // not half an escape
	}
	return head + tail
}
