// Package page looks at the status page with a real browser, while a real logpipe works.
package page

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

const (
	well   = `document.querySelector(".pipe")?.dataset.state === "ok"`
	output = `document.querySelector('[data-step="output.s3"]')`
)

// An operator must see an outage at once, and its end. If this fails, logs wait and nobody knows.
func TestOutageShows(t *testing.T) {
	w := world.New(t)
	store := w.OwnS3()
	p := w.Start(w.Env("BATCH_SIZE=100", "RETRY_LIMIT=1"), "run", "pipeline.hcl")
	at := w.AdminURL(p)
	w.Producer(1_000_000, "RATE=400")
	b := open(t, at, desktop)
	b.until("all is well", well)
	b.until("something is written", output+`.querySelector(".word").textContent === "writes"`)
	moves(b)
	if told := b.text(`[...document.querySelectorAll(".chart")].find((c) => c.textContent.startsWith("Errors")).querySelector(".axis").textContent`); strings.Contains(told, "most") {
		t.Errorf("nothing has failed, and of errors the page says %q", told)
	}
	configuration(b, w)
	b.pose(3 * time.Minute)
	b.shoot("healthy")
	b.document("status")
	b.look(screen{width: 390, height: 844, scale: 2})
	narrow(b)
	b.shoot("healthy-phone")
	b.look(desktop)

	late := outage(b, w, p, store, 1)
	if late > mostLate { // once it may be the machine, which tests share with others
		t.Logf("the outage was shown only %v after the first write failed; once more", late)
		recovers(b, store)
		late = outage(b, w, p, store, 2)
	}
	if late > mostLate {
		t.Errorf("the outage is shown %v after the first write failed", late)
	}
	t.Logf("the outage is shown %v after the first write failed", late)
	if word := b.text(output + `.querySelector(".word").textContent`); !strings.HasPrefix(word, "fails for ") {
		t.Errorf("the output is red, and in words it %s", word)
	}
	b.until("it is said in words", `document.querySelector("#verdict").textContent.includes("output fails")`)
	b.until("the fallback holds batches", `document.querySelector('.says').textContent.includes("fallback.file holds")`)
	b.pose(80 * time.Second)
	b.look(screen{width: 1360, height: 900, scale: 1, dark: true})
	b.shoot("outage")
	b.document("status-outage")
	b.look(screen{width: 390, height: 844, scale: 2, dark: true})
	narrow(b)
	b.shoot("outage-phone")
	b.look(desktop)
	recovers(b, store)
	b.shoot("recovered")
	b.clean(at)
	w.Stops(p, 0)
}

// mostLate is when an operator must see an outage after the engine has seen it.
const mostLate = 2 * time.Second

// outage stops the store for the nth time, and returns how long after the first write that failed the page shows it, by its own clock.
func outage(b *tab, w *world.World, p *process.Process, store *servers.S3, n int) time.Duration {
	b.t.Helper()
	b.text(`(window.shown = 0, new MutationObserver(() => {
		if (!window.shown && ` + output + `.dataset.state === "fail") window.shown = Date.now();
	}).observe(` + output + `, { attributes: true }))`)
	if err := store.Stop(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	failed := timeOf(b.t, w.SaysTimes(p, "output fails", n))
	b.until("the outage is shown", `window.shown > 0`)
	return time.UnixMilli(int64(b.number("window.shown"))).Sub(failed)
}

// recovers starts the store again.
func recovers(b *tab, store *servers.S3) {
	b.t.Helper()
	if err := store.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.until("it is well again", output+`.dataset.state === "ok" && `+well)
}

// moves waits until the numbers of a page change by themselves.
func moves(b *tab) {
	b.t.Helper()
	b.text(`window.before = document.querySelector(".life").textContent`)
	b.until("the numbers move", `document.querySelector(".life").textContent !== window.before`)
	b.until("the arrow into the output has a rate", output+`.previousElementSibling.querySelector(".rate").textContent.match(/^[1-9]/)`)
}

// configuration opens what the pipeline came to, and looks for the secrets that it was started with.
func configuration(b *tab, w *world.World) {
	b.t.Helper()
	b.text(`document.querySelector("details summary").click()`)
	b.until("the configuration is there", `document.querySelector("pre").textContent.includes('output "s3"')`)
	shown := b.text(`document.querySelector("pre").textContent`)
	broker, err := url.Parse(w.URL)
	if err != nil {
		b.t.Fatal("the broker has an odd address")
	}
	password, _ := broker.User.Password()
	if strings.Contains(shown, password) || strings.Contains(shown, w.S3.SecretKey) || !strings.Contains(shown, `"(secret)"`) {
		b.t.Errorf("the configuration shows a secret, or hides none:\n%s", shown)
	}
	b.text(`document.querySelector("details summary").click()`)
}

// narrow fails the test when a phone has to scroll sideways.
func narrow(b *tab) {
	b.t.Helper()
	if wide := b.number("document.scrollingElement.scrollWidth"); wide > float64(phone.width) {
		b.t.Errorf("at %d pixels the page is %v wide", phone.width, wide)
	}
}

// timeOf is the time of a line of the log.
func timeOf(t *testing.T, l process.Line) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339Nano, l.Text("time"))
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// A page that shows old numbers as if they were new is worse than none.
func TestProcessGoesAndComesBack(t *testing.T) {
	w := world.New(t)
	file := w.Config(`pipeline "steady" {
  input "generator" { rate = 100 }
  output "file" { path = "` + w.Dir + `/out.ndjson" }
}`)
	p := w.Start(w.Env(), "run", file)
	at := w.AdminURL(p)
	b := open(t, at, desktop)
	b.until("all is well", well)
	w.Stops(p, 0)
	b.until("the page says that it ended", `document.body.classList.contains("stale") && document.querySelector("#lost").textContent.includes("has ended")`)
	b.shoot("ended")
	address := strings.TrimSuffix(strings.TrimPrefix(at, "http://"), "/")
	q := w.Start(w.Env(), "run", "--admin", address, file)
	b.until("the page is back", `!document.body.classList.contains("stale") && document.querySelector("#lost").hidden`)
	q.Kill()
	b.until("the page says that the connection is lost", `document.querySelector("#lost").textContent.includes("is lost")`)
}

// With a hundred pipelines the three in trouble must be the first that somebody sees.
func TestHundredPipelines(t *testing.T) {
	w := world.New(t)
	var text strings.Builder
	for i := range 100 {
		sink := `output "stdout" {}`
		input := fmt.Sprintf(`input "generator" { rate = %d }`, 5+i%17*9)
		switch i {
		case 41, 77:
			sink = `output "s3" {
    bucket   = "logs"
    key      = "${batch.id}"
    endpoint = "http://127.0.0.1:9"
    access_key = "k"
    secret_key = "s"
  }`
		case 63:
			sink += fmt.Sprintf("\n  dead_letter \"file\" { path = \"%s/dead.ndjson\" }", w.Dir)
			input = `input "generator" {
    rate          = 50
    invalid_every = 20
  }
  processor "json" {}`
		case 12:
			input = `input "generator" { count = 10 }`
		}
		batch := `processor "batch" {
    count = 1000
    age   = "1s"
  }`
		fmt.Fprintf(&text, "pipeline \"team-%02d-%s\" {\n  drain_timeout = \"100ms\"\n  %s\n  %s\n  %s\n}\n", i, []string{"web", "billing", "auth", "search"}[i%4], input, batch, sink)
	}
	p := w.Start(w.Env(), "run", w.Config(text.String()))
	at := w.AdminURL(p)
	b := open(t, at, desktop)
	states := `[...document.querySelectorAll(".pipe")].slice(0, 4).map((n) => n.dataset.state + " " + n.dataset.name).join()`
	want := "fail team-41-billing,fail team-77-billing,warn team-63-search,note team-12-web"
	b.until("trouble stands on top", states+" === "+fmt.Sprintf("%q", want))
	b.pose(40 * time.Second)
	b.shoot("hundred")
	b.until("chips count", `document.querySelector("#chips").textContent.includes("Fail 2")`)
	b.text(`(document.querySelector("#filter").value = "auth", document.querySelector("#filter").dispatchEvent(new Event("input")))`)
	b.until("the filter leaves its own", `[...document.querySelectorAll(".pipe")].filter((n) => !n.hidden).length === 25`)
	b.text(`(document.querySelector("#filter").value = "team-41", document.querySelector("#filter").dispatchEvent(new Event("input")))`)
	keyboard(b)
	b.shoot("hundred-open")
	b.look(phone)
	narrow(b)
	b.text(`(document.querySelector("#filter").value = "", document.querySelector("#filter").dispatchEvent(new Event("input")))`)
	b.shoot("hundred-phone")
	b.clean(at)
	w.Stops(p, 4)
}

// keyboard opens the only pipeline that is shown, without a mouse.
func keyboard(b *tab) {
	b.t.Helper()
	b.until("one is left", `[...document.querySelectorAll(".pipe")].filter((n) => !n.hidden).length === 1`)
	b.text(`document.querySelector("#chips input:checked").focus()`)
	b.keys("\t")
	b.until("the row has the focus", `document.activeElement.classList.contains("row")`)
	b.keys("\r")
	b.until("it is open", `document.activeElement.getAttribute("aria-expanded") === "true" && document.querySelector(".flow") !== null`)
	b.keys("\r")
	b.until("it is closed", `document.querySelector(".flow") === null`)
	b.keys("\r")
	b.until("it is open again", `document.querySelector(".flow") !== null`)
}
