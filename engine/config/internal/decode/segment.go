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
	// "%~" cannot come from the escapes, so no short value can look like a long one.
	return segment(value, "", "%~")
}

// HiveSegment is Segment for the value of a step such as "name=value", by which readers of Hive's layout tell partitions. They take it apart at "=" and
// undo the escapes, so what Hive escapes is escaped as well (org.apache.hadoop.hive.common.FileUtils, charToEscape), and nothing stands
// there that looks like an escape and is none.
func HiveSegment(value string) string {
	if strings.EqualFold(value, "null") || value == "__HIVE_DEFAULT_PARTITION__" {
		// They stand for no value. Escaped, a reader that decodes last has the text.
		return fmt.Sprintf("%%%02X%s", value[0], value[1:])
	}
	return segment(value, hiveEscapes+"~", "~")
}

// hiveEscapes is what Hive escapes beside what Segment does.
const hiveEscapes = `"#'*:=?[]^{}`

// hiveText escapes in a text whose values are escaped already, as the result of an expression is.
func hiveText(text string) string {
	if !strings.ContainsAny(text, hiveEscapes) {
		return text
	}
	var s strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(hiveEscapes, c) >= 0 {
			fmt.Fprintf(&s, "%%%02X", c)
		} else {
			s.WriteByte(c)
		}
	}
	return s.String()
}

// segment escapes also those characters, and cuts a long text with mark and a sum at its end.
func segment(value, also, mark string) string {
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
			i == 0 && (r == '.' || value == "_"), strings.ContainsRune(also, r):
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
	tail := mark + hex.EncodeToString(sum[:16])
	head := s.String()[:min(s.Len(), maxSegment-len(tail))]
	for !utf8.ValidString(head) {
		head = head[:len(head)-1]
	}
	if i := strings.LastIndexByte(head, '%'); i >= 0 && i > len(head)-3 {
		head = head[:i] // not half an escape
	}
	return head + tail
}
