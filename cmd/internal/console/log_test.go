package console

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
)

// logLine writes one record through a handler and returns it without its time.
func logLine(h *TextHandler, log func(*slog.Logger)) string {
	var out bytes.Buffer
	h.W, h.Layout = &out, "T"
	log(slog.New(h))
	return strings.TrimPrefix(out.String(), "T ")
}

func TestTextHandler(t *testing.T) {
	tests := map[string]struct {
		log  func(*slog.Logger)
		want string
	}{
		"plain": {
			func(l *slog.Logger) { l.Info("input is back", "plugin", "input.amqp", "messages", 3) },
			"INFO  input is back plugin=input.amqp messages=3\n",
		},
		"values with spaces and nothing": {
			func(l *slog.Logger) { l.Warn("w", "a", "two words", "b", "", "c", `say "x"`, "d", "k=v") },
			`WARN  w a="two words" b="" c="say \"x\"" d="k=v"` + "\n",
		},
		"types": {
			func(l *slog.Logger) {
				l.Error("e", "error", errors.New("no route"), "after", 1500*time.Millisecond, "bytes", []byte("raw"),
					"at", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "nothing", nil)
			},
			`ERROR e error="no route" after=1.5s bytes=raw at=2026-01-02T03:04:05.000Z nothing=<nil>` + "\n",
		},
		"groups and With": {
			func(l *slog.Logger) {
				l.With("pipeline", "logs").WithGroup("s3").With("bucket", "b").Info("m", slog.Group("put", "key", "k"), slog.Group("", "inline", 1))
			},
			"INFO  m pipeline=logs s3.bucket=b s3.put.key=k s3.inline=1\n",
		},
		"secret": {
			func(l *slog.Logger) { l.Info("m", "password", engine.NewSecret("hunter2")) },
			"INFO  m password=(secret)\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := logLine(&TextHandler{Level: slog.LevelInfo}, tt.log)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a producer writes into a log record must not be able to forge a line of ours or to steer the terminal.
func TestTextHandlerEscapesWhatCameWithTheData(t *testing.T) {
	evil := "x\n00:00:00 INFO  all is well\x1b[2J\x1b]0;title\a\r\u009b1m\u202e\xff\x00"
	for name, log := range map[string]func(*slog.Logger){
		"value":   func(l *slog.Logger) { l.Info("m", "key", evil) },
		"error":   func(l *slog.Logger) { l.Info("m", "error", errors.New(evil)) },
		"message": func(l *slog.Logger) { l.Info(evil) },
		"key":     func(l *slog.Logger) { l.Info("m", evil, 1) },
		"group":   func(l *slog.Logger) { l.WithGroup(evil).Info("m", "k", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			got := logLine(&TextHandler{}, log)
			line, rest, _ := strings.Cut(got, "\n")
			if rest != "" || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || obeyed(r) || r == '\u202e' }) {
				t.Errorf("raw text reached the terminal: %q", got)
			}
		})
	}
}

func TestTextHandlerColours(t *testing.T) {
	got := logLine(&TextHandler{Color: true, Level: slog.LevelDebug}, func(l *slog.Logger) { l.Error("m", "k", "v") })
	want := "\x1b[2mT\x1b[0m \x1b[31mERROR\x1b[0m m \x1b[2mk=\x1b[0mv\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTextHandlerLevel(t *testing.T) {
	if got := logLine(&TextHandler{Level: slog.LevelInfo}, func(l *slog.Logger) { l.Debug("m") }); got != "" {
		t.Errorf("debug line without -v: %q", got)
	}
}

func TestJSONHandler(t *testing.T) {
	var out bytes.Buffer
	slog.New(NewJSONHandler(ControlEscaper{W: &out}, slog.LevelInfo)).Info("m", "after", 1500*time.Millisecond, "text", "ä\u009b1m\x7f")
	_, got, _ := strings.Cut(out.String(), `"level"`)
	want := `:"INFO","msg":"m","after":"1.5s","text":"ä\u009b1m\u007f"}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
