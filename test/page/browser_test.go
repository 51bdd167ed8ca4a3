package page

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/logpipe/logpipe/test/servers"
)

var (
	shots = flag.String("shots", "", "keep screenshots in this folder")
	docs  = flag.String("docs", "", "write the pictures of the documentation into this folder")
)

func TestMain(m *testing.M) {
	flag.Parse()
	servers.Main(m)
}

// deadline is for states that must come; only a failing test waits so long.
const deadline = time.Minute

// tab is a page that is open in a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string // addresses that were asked for
	troubles []string // what the console would show in red
}

// screen is what somebody looks at a page with.
type screen struct {
	width, height int64
	dark          bool
	scale         float64 // of screenshots
}

var (
	desktop = screen{width: 1360, height: 900, scale: 1}
	phone   = screen{width: 390, height: 844, scale: 2}
)

// open starts a browser with a profile of its own that shows the address.
func open(t *testing.T, url string, s screen) *tab {
	t.Helper()
	allocator, stop := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(servers.Chromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(int(s.width), int(s.height)),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-default-apps", true), chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("hide-scrollbars", true))
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(leave)
	tab := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, tab.hear); err != nil { // it starts the browser
		t.Fatal(err)
	}
	tab.do(command(network.Enable, network.EnableParams{}))
	tab.look(s)
	tab.do(chromedp.Navigate(url))
	return tab
}

// look changes what the page is looked at with.
func (b *tab) look(s screen) {
	b.t.Helper()
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	b.do(
		command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: s.width, Height: s.height, DeviceScaleFactor: s.scale, Mobile: s.width < 500}),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}),
	)
}

// command is a command of the browser's own protocol.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.troubles = append(b.troubles, fmt.Sprintf("%+v", e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		b.troubles = append(b.troubles, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		b.troubles = append(b.troubles, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

// clean fails the test for what the console has, and for requests to anybody but the page's own origin.
func (b *tab) clean(origin string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.troubles {
		b.t.Errorf("the console says: %s", text)
	}
	if len(b.requests) == 0 {
		b.t.Error("no request was seen")
	}
	for _, url := range b.requests {
		if !strings.HasPrefix(url, origin) && !strings.HasPrefix(url, "data:") {
			b.t.Errorf("the page asks for %s", url)
		}
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	answer(b, chromedp.Steps(actions...))
}

// answer is what an action comes to.
func answer[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, deadline)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// until waits for a condition of the page. It is asked from outside: the page's own policy lets nobody run code in it that was not
// there when it came.
func (b *tab) until(what, condition string) {
	b.t.Helper()
	began := time.Now()
	defer func() { b.t.Logf("%5.1f s until %s", time.Since(began).Seconds(), what) }()
	for end := began.Add(deadline); b.text("Boolean("+condition+")") != "true"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.shoot("failed")
			b.t.Fatalf("waited in vain until %s; the page says:\n%s", what, b.text("document.body.innerText"))
		}
	}
}

// text is what an expression of the page's comes to.
func (b *tab) text(expression string) string {
	b.t.Helper()
	return answer(b, chromedp.Evaluate[string]("String("+expression+")"))
}

func (b *tab) number(expression string) float64 {
	b.t.Helper()
	return answer(b, chromedp.Evaluate[float64](expression))
}

// keys presses keys, as somebody without a mouse does.
func (b *tab) keys(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}
