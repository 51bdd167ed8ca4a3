// Package console is what people read on a terminal or in a log: log lines, the line below them, colours, and nothing that a terminal obeys.
package console

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The layouts of a log line's time: somebody at a terminal knows what day it is.
const (
	TerminalTime = time.TimeOnly
	FileTime     = "2006-01-02T15:04:05.000Z07:00"
)

// TextHandler writes log records for people: time, level, message, key=value. What came with the data is escaped: no new
// line and no escape code in a log record reaches the terminal as such, and none can pass for a line of logpipe's own.
type TextHandler struct {
	W      io.Writer // gets one whole line a Write
	Level  slog.Level
	Layout string // of the time
	Color  bool
	prefix string // of keys: the open groups, each with a dot
	attrs  string // what WithAttrs gave, written already
}

func (h *TextHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.Level }

func (h *TextHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.prefix += name + "."
	return &with
}

func (h *TextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var s strings.Builder
	for _, a := range attrs {
		h.attr(&s, h.prefix, a)
	}
	with := *h
	with.attrs += s.String()
	return &with
}

func (h *TextHandler) Handle(_ context.Context, r slog.Record) error {
	var s strings.Builder
	if !r.Time.IsZero() {
		s.WriteString(h.paint(Dim, r.Time.Format(h.Layout)) + " ")
	}
	s.WriteString(h.paint(levelColor(r.Level), fmt.Sprintf("%-5s", r.Level)) + " ")
	s.WriteString(Escape(r.Message))
	s.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		h.attr(&s, h.prefix, a)
		return true
	})
	s.WriteByte('\n')
	_, err := io.WriteString(h.W, s.String())
	return err
}

func (h *TextHandler) attr(s *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			h.attr(s, prefix, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	s.WriteString(" " + h.paint(Dim, Quote(prefix+a.Key)+"="))
	s.WriteString(Quote(valueText(v)))
}

func valueText(v slog.Value) string {
	switch x := v.Any().(type) {
	case time.Time:
		return x.Format(FileTime)
	case []byte:
		return string(x)
	case error:
		return x.Error()
	default:
		return fmt.Sprint(x)
	}
}

// Quote returns s as it is where it is one printable word, else as a Go string.
func Quote(s string) string {
	plain := func(r rune) bool { return unicode.IsPrint(r) && r != ' ' && r != '"' && r != '=' }
	if s != "" && printable(s, plain) {
		return s
	}
	return strconv.Quote(s)
}

// Escape writes what is not printable in s (control characters, escape codes, marks that turn the direction of the text,
// broken UTF-8) as Go does between quotes, and leaves the rest alone.
func Escape(s string) string {
	if printable(s, unicode.IsPrint) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if bad := r == utf8.RuneError && n == 1; bad || !unicode.IsPrint(r) {
			quoted := strconv.Quote(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func printable(s string, is func(rune) bool) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0
}

// The colours of a terminal.
const (
	Dim    = "2"
	Bold   = "1"
	Red    = "31"
	Yellow = "33"
	Green  = "32"
)

func (h *TextHandler) paint(color, text string) string { return Paint(h.Color, color, text) }

// Paint puts a colour around a text, where there are colours.
func Paint(on bool, color, text string) string {
	if !on || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func levelColor(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return Red
	case l >= slog.LevelWarn:
		return Yellow
	case l >= slog.LevelInfo:
		return Green
	default:
		return Dim
	}
}
