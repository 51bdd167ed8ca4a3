package top

import (
	"context"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine/admin/page"
)

// What is written to the terminal: a second screen without cursor, which leaves what was there before as it was.
const (
	EnterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	LeaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	Home        = "\x1b[H"
	eraseLine   = "\x1b[K\r\n"
	eraseBelow  = "\x1b[J"
	topEvery    = time.Second
)

// watchTop shows the status on the terminal once a second, until q or Ctrl-C is pressed or a signal comes. However it ends, the terminal
// is as it was. A process that cannot be reached at the start is an error; one that goes away later may come back.
func watchTop(ctx context.Context, a *cli.App, out *os.File, at *url.URL) error {
	first, err := askStatus(ctx, at)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	restore := readKeys(a, quit)
	defer restore()
	_, _ = io.WriteString(out, EnterScreen) // a terminal that cannot be written to ends the process by a signal
	defer func() { _, _ = io.WriteString(out, LeaveScreen) }()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	ticker := time.NewTicker(topEvery)
	defer ticker.Stop()
	t := &topScreen{app: a, out: out, status: first}
	t.draw()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-resized:
		case <-ticker.C:
			t.ask(ctx, at)
		}
		if ctx.Err() == nil {
			t.draw()
		}
	}
}

// topScreen is what the terminal shows.
type topScreen struct {
	app    *cli.App
	out    *os.File
	status *page.Status // the newest
	lost   error        // why it is not of now
}

func (t *topScreen) ask(ctx context.Context, at *url.URL) {
	s, err := askStatus(ctx, at)
	if t.lost = err; err == nil {
		t.status = s
	}
}

func (t *topScreen) draw() {
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	no, _ := t.app.LookupEnv("NO_COLOR")
	v := TopView{Width: width, Height: height - 1, Color: no == ""}
	var lines []string
	if t.lost != nil {
		text := "not connected since " + t.status.Now.Local().Format(time.TimeOnly) + ": " + t.lost.Error()
		lines = append(lines, v.paint(console.Red, v.cut(text)))
		v.Height--
	}
	lines = append(lines, v.Lines(t.status)...)
	_, _ = io.WriteString(t.out, Home+strings.Join(lines, eraseLine)+eraseLine+v.paint(console.Dim, v.cut("q ends"))+eraseBelow) // see EnterScreen
}

// readKeys calls quit when q or Ctrl-C is pressed, and returns what gives the terminal back.
func readKeys(a *cli.App, quit func()) (restore func()) {
	in, ok := a.In.(*os.File)
	if !ok || !a.InTerminal {
		return func() {}
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil { // Ctrl-C is then a signal
		return func() {}
	}
	go func() {
		keys := make([]byte, 16)
		for {
			n, err := in.Read(keys)
			if err != nil {
				return
			}
			for _, key := range keys[:n] {
				if key == 'q' || key == 'Q' || key == 3 || key == 4 { // 3 and 4 are Ctrl-C and Ctrl-D
					quit()
					return
				}
			}
		}
	}()
	return func() { _ = term.Restore(int(in.Fd()), before) }
}
