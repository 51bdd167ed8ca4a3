package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/admin/page"
	"github.com/logpipe/logpipe/engine/stats"
)

// shop serves the page of so many pipelines, of which each third writes to a store that is not there, as its Status says it.
func shop(t *testing.T, n int) (address string) {
	t.Helper()
	var all []*stats.Pipeline
	for i := range n {
		p := stats.NewPipeline(fmt.Sprintf("tenant-%03d-%s", i, []string{"web", "billing-and-invoices-of-europe", "auth"}[i%3]), []stats.Place{
			{Name: "input.amqp", Role: engine.RoleInput}, {Name: "processor.json", Role: engine.RoleProcessor}, {Name: "processor.batch", Role: engine.RoleProcessor},
			{Name: "processor.retry", Role: engine.RoleProcessor}, {Name: "output.s3", Role: engine.RoleOutput}, {Name: "fallback.file", Role: engine.RoleFallback},
			{Name: "dead_letter.amqp", Role: engine.RoleDeadLetter}})
		p.Observe(engine.Event{Kind: engine.Started})
		p.Observe(engine.Event{Kind: engine.Attempt, Plugin: "output.s3", Messages: 500, Err: errors.New("put object logs/2026-11-30/app1/01M8XA2345BCDEF.ndjson.gz into bucket logs: " + refused)})
		all = append(all, p)
	}
	set := &stats.Set{}
	set.Replace(all)
	shown := page.New(page.Options{Set: set, Version: "v1.22.333", About: func(_, step string) page.About {
		return map[string]page.About{"processor.batch": {Kind: page.KindStage}, "processor.retry": {Kind: page.KindPolicy},
			"output.s3": {Text: "bucket logs-of-all-tenants-in-europe"}, "input.amqp": {Text: "queue log_queue"}}[step]
	}})
	mux := http.NewServeMux()
	shown.Register(func(pattern string, h http.Handler) {
		if pattern == "GET /events" {
			h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { stream(w, r, shown) })
		}
		mux.Handle(pattern, h)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL + "/"
}

const refused = "connection refused: nothing listens at 10.11.12.13:9000, or a firewall says so"

// stream sends the state of a shop each second.
func stream(w http.ResponseWriter, r *http.Request, shown *page.Page) {
	w.Header().Set("Content-Type", "text/event-stream")
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		text, err := json.Marshal(inTrouble(shown.Status(time.Now(), 0)))
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "event: status\ndata: %s\n\n", text); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

func inTrouble(s page.Status) page.Status {
	s.State = page.Fail
	if len(s.Pipelines) == 6 {
		s.Refused = &page.Refused{Since: s.Now.Add(-time.Hour), Count: 2, Cause: "the pipeline has no name (/etc/logpipe/pipelines-of-all-tenants-in-europe/tenant-005-auth.hcl:17:1), and 3 more mistakes"}
	}
	since := s.Now.Add(-2 * time.Hour)
	for i := range s.Pipelines {
		p := &s.Pipelines[i]
		p.Received, p.Written = page.Rate{Messages: 123_456.7, Bytes: 45_678_901, Total: 1e9}, page.Rate{Messages: 98_765.4, Total: 1e9}
		p.Unsettled, p.Oldest = 1_234_567, &since
		for k := range p.Steps {
			p.Steps[k].Flow = p.Received
		}
		if i%3 != 0 {
			continue
		}
		p.State, p.Word = page.Fail, "output fails"
		p.Says = []string{"output.s3: " + p.Errors[0].Cause + "; it fails for 2h 0m; it is tried again, and fallback.file takes what it cannot store", "fallback.file holds 1,234,567 messages, and takes more"}
		for k := range p.Steps {
			switch p.Steps[k].Role {
			case "output":
				p.Steps[k].State, p.Steps[k].Word, p.Steps[k].Failing = page.Fail, "fails for 2h 0m", &since
			case "fallback":
				p.Steps[k].State, p.Steps[k].Word = page.Warn, "takes batches"
			}
		}
	}
	return s
}

// firstWords are what a cause begins with, and visible what says whether they can be read: they are inside of the window and of the box that may cut a
// text off. It is a text for what cannot be.
const (
	firstWords = "output.s3: connection refused"
	visible    = `(() => {
		const pipe = document.querySelector('.pipe[data-state="fail"]');
		const box = [...pipe.querySelectorAll(".why, .says li span")].find((n) => !n.closest("[hidden]") && n.textContent.includes("output.s3: "));
		if (!box) return "no cause is shown";
		const text = box.firstChild, cause = text.data.indexOf("output.s3: "), range = document.createRange();
		range.setStart(text, cause);
		range.setEnd(text, cause + 40);
		const edge = box.getBoundingClientRect();
		for (const r of range.getClientRects())
			if (r.left < Math.max(0, edge.left) - 1 || r.right > Math.min(innerWidth, edge.right) + 1 || r.bottom > edge.bottom + 1) return "cut off: " + text.data;
		return text.data.slice(cause);
	})()`
	// misplaced are numbers that do not stand below the head that names them.
	misplaced = `(() => {
		const heads = [...document.querySelector("#heads").children].filter((n) => n.textContent.match(/^(Received|Written|Unsettled|Oldest)$/)).map((n) => n.getBoundingClientRect().right);
		const row = document.querySelector(".pipe .row");
		return ["in", "out", "un", "age"].filter((k, i) => Math.abs(row.querySelector(".num." + k).getBoundingClientRect().right - heads[i]) > 2).join();
	})()`
	// wide are boxes that somebody would have to scroll sideways to see all of.
	wide = `[...document.querySelectorAll("body *")].filter((n) => n.scrollWidth > n.clientWidth + 1 && n.clientWidth > 0 &&
		["auto", "scroll", "hidden"].includes(getComputedStyle(n).overflowX) && getComputedStyle(n).textOverflow !== "ellipsis" &&
		!n.matches(".why, .plot, pre, .sr, .sr *, .line i, .mini")).map((n) => n.className || n.tagName).join()`
)

// Whoever is called at night looks at the page on a phone, or in a quarter of a screen, with one pipeline or with hundreds. What is wrong, and why, must be
// readable there without a click and without scrolling sideways.
func TestCauseIsSeenInEverySize(t *testing.T) {
	for _, n := range []int{1, 6, 30, 500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			at := shop(t, n)
			b := open(t, at, desktop)
			b.until("the outages are seen", fmt.Sprintf(`document.querySelectorAll('.pipe[data-state="fail"]').length === %d`, (n+2)/3))
			b.pose(5 * time.Second)
			for _, width := range []int64{360, 390, 768, 1280} {
				b.look(screen{width: width, height: 844, scale: 1})
				b.until(fmt.Sprintf("it is laid out for %d", width), fmt.Sprintf("innerWidth === %d && document.querySelector('.pipe').getBoundingClientRect().right <= %[1]d", width))
				if n == 1 { // the picture is laid anew when its box has another size
					b.until("the picture fits", `(() => { const f = document.querySelector(".flow"); return f.scrollWidth <= f.clientWidth; })()`)
				}
				if got := b.number("document.scrollingElement.scrollWidth"); got > float64(width) {
					t.Errorf("at %d pixels the page is %v wide", width, got)
				}
				if got := b.text(wide); got != "" {
					t.Errorf("at %d pixels a part of these is hidden beside them: %s", width, got)
				}
				if got := b.text(`document.querySelector("#refused").innerText`); n == 6 && !strings.HasPrefix(got, "Reload refused: the pipeline has no name (") || n != 6 && got != "" {
					t.Errorf("at %d pixels of a refused reload is said %q", width, got)
				}
				if got := b.text(misplaced); got != "" && width > 760 && n >= 6 {
					t.Errorf("at %d pixels these stand below another head: %s", width, got)
				}
				if got := b.text(visible); !strings.HasPrefix(got, firstWords) {
					t.Errorf("at %d pixels of the cause is seen: %s", width, got)
				}
				b.shoot(fmt.Sprintf("size-%d-%d", n, width))
			}
			b.clean(at)
		})
	}
}
