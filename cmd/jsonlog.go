package cmd

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"
)

// newJSONHandler writes one JSON object a line. Durations are text, as in the configuration: a bare number has no unit.
func newJSONHandler(w io.Writer, level slog.Level) slog.Handler {
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

// controlEscaper escapes DEL and the C1 control characters, which JSON allows as they are and which some terminals obey. In
// JSON they stand nowhere but in strings.
type controlEscaper struct{ w io.Writer }

func (e controlEscaper) Write(p []byte) (int, error) {
	escaped := p
	if bytes.ContainsFunc(p, obeyed) {
		escaped = nil
		for _, r := range string(p) { // JSON is valid UTF-8
			if obeyed(r) {
				escaped = fmt.Appendf(escaped, `\u%04x`, r)
			} else {
				escaped = utf8.AppendRune(escaped, r)
			}
		}
	}
	if _, err := e.w.Write(escaped); err != nil {
		return 0, err
	}
	return len(p), nil
}

func obeyed(r rune) bool { return r >= 0x7f && r <= 0x9f }
