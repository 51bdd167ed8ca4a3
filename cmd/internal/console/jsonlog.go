package console

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// NewJSONHandler writes one JSON object a line. Durations are text, as in the configuration: a bare number has no unit.
func NewJSONHandler(w io.Writer, level slog.Level) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindDuration {
				a.Value = slog.StringValue(a.Value.Duration().String())
			}
			return a
		},
	})
}

// ControlEscaper escapes what JSON allows as it is and a terminal may obey: DEL, the C1 control characters, and marks that turn the direction
// of the text or cannot be seen. In JSON they stand nowhere but in strings. A log that goes to a file is looked at on a terminal later.
type ControlEscaper struct{ W io.Writer }

func (e ControlEscaper) Write(p []byte) (int, error) {
	escaped := p
	if bytes.ContainsFunc(p, obeyed) {
		escaped = nil
		for _, r := range string(p) { // JSON is valid UTF-8
			switch high, low := utf16.EncodeRune(r); {
			case !obeyed(r):
				escaped = utf8.AppendRune(escaped, r)
			case r <= 0xffff:
				escaped = fmt.Appendf(escaped, `\u%04x`, r)
			default:
				escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, high, low)
			}
		}
	}
	if _, err := e.W.Write(escaped); err != nil {
		return 0, err
	}
	return len(p), nil
}

func obeyed(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }
