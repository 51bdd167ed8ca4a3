package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The picture has two panels above each other, with one axis of time. Sizes are in pixels.
const (
	pictureWidth = 900
	panelLeft    = 84
	panelRight   = pictureWidth - 24
	legendLine   = 18
)

// panel is a part of the picture with an axis of its own.
type panel struct {
	top, bottom float64
	most        float64 // what its upper edge stands for
	step        float64 // between two lines of its grid
	title       string
	format      func(v float64) string
}

// style has own colours for the dark. The background is the picture's own: a page may be dark where the reader's system is not.
const style = `<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.small, .tick { fill: #59636e }
.back { fill: #ffffff }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.mark { fill: none; stroke: #818b98; stroke-width: 1; stroke-dasharray: 2 3 }
.dot { fill: #59636e } .dot + text { fill: #ffffff; font-size: 11px; text-anchor: middle }
.messages { fill: #0969da; fill-opacity: .18; stroke: #0969da; stroke-width: 1.5 }
.alive { fill: #bc4c00; fill-opacity: .2; stroke: none }
.ready { fill: none; stroke: #1a7f37; stroke-width: 3.5; stroke-opacity: .75 }
.wanted { fill: none; stroke: #8250df; stroke-width: 1.5; stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .small, .tick { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #2f3742 }
.dot { fill: #9198a1 } .dot + text { fill: #0d1117 }
.messages { fill: #4493f8; stroke: #4493f8 } .alive { fill: #f0883e } .ready { stroke: #3fb950 } .wanted { stroke: #ab7df8 }
}
</style>
`

// draw writes autoscaling.svg.
func (s *story) draw(dir, account string) {
	s.t.Helper()
	file := filepath.Join(dir, "autoscaling.svg")
	if err := os.WriteFile(file, []byte(s.curve.picture(account)), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("wrote %s", file)
}

func (c *curve) picture(account string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	queue := panel{top: 88, bottom: 298, most: 350_000, step: 50_000, title: "messages in the queue, those that pods hold included", format: thousands}
	pods := panel{top: 340, bottom: 480, most: most + 1, step: 1, title: "pods", format: func(v float64) string { return fmt.Sprint(int(v)) }}
	legend := pods.bottom + 70
	captions := caption(account)
	rows := (len(c.marks) + 1) / 2
	height := legend + float64(rows+len(captions))*legendLine + 20

	var w strings.Builder
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" width="%[1]d" height="%.0[2]f" role="img">`+"\n", pictureWidth, height)
	w.WriteString("<title>Pods of logpipe and messages in the queue over time, scaled by KEDA</title>\n" + style)
	fmt.Fprintf(&w, `<rect class="back" width="%d" height="%.0f"/>`+"\n", pictureWidth, height)
	words(&w, panelLeft, 26, "title", "KEDA scales logpipe by its queue: a flood, a rollout, and a node that is drained")
	c.grid(&w, queue)
	c.grid(&w, pods)
	c.time(&w, pods.bottom)
	fmt.Fprintf(&w, `<path class="messages" d="%s"/>`+"\n", c.area(queue, false, func(p point) int { return p.messages }))
	fmt.Fprintf(&w, `<path class="alive" d="%s"/>`+"\n", c.area(pods, true, func(p point) int { return p.alive }))
	fmt.Fprintf(&w, `<path class="ready" d="%s"/>`+"\n", c.line(pods, true, func(p point) int { return p.ready }))
	fmt.Fprintf(&w, `<path class="wanted" d="%s"/>`+"\n", c.line(pods, true, func(p point) int { return p.wanted }))
	key(&w, pods.top-8)
	c.markers(&w, queue.top, pods.bottom, legend)
	for i, text := range captions {
		words(&w, panelLeft, legend+float64(rows+i)*legendLine+8, "small", text)
	}
	w.WriteString("</svg>\n")
	return w.String()
}

// caption says what this is, so that the picture can stand alone.
func caption(account string) (lines []string) {
	for _, text := range []string{
		account,
		fmt.Sprintf("k8s/overlays/production on a real API server, controller manager, scheduler, KEDA %s, RabbitMQ and S3 server, with one process for each pod, all on two cores.", kedaVersion),
		fmt.Sprintf("Shortened: polling and the autoscaler's period %d s (15 s as shipped), steps of scaling %d s (30 s up, 60 s down), waiting before scale-down %d s (300 s); at most %d pods (10).",
			polling, step, stable, most),
		fmt.Sprintf("S3 takes %.0f s for each object (%.0f s until all pods are there), so that one pod stores 2,500 messages/s: on one small machine more pods are faster only if they wait. The broker counts every 5 s.",
			far.Seconds(), slow.Seconds()),
	} {
		lines = append(lines, wrap(text, 120)...)
	}
	return lines
}

// wrap breaks a text between words, into lines of at most so many characters.
func wrap(text string, most int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > most {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

func key(w *strings.Builder, y float64) {
	x := float64(panelLeft + 60)
	fmt.Fprintf(w, `<path class="wanted" d="M%.0f %.0fh24"/>`, x, y-4)
	words(w, x+30, y, "", "wanted by KEDA")
	fmt.Fprintf(w, `<path class="ready" d="M%.0f %.0fh24"/>`, x+150, y-4)
	words(w, x+180, y, "", "ready")
	fmt.Fprintf(w, `<rect class="alive" x="%.0f" y="%.0f" width="24" height="10"/>`, x+240, y-9)
	words(w, x+270, y, "", "processes, those that start or drain included")
}

func words(w *strings.Builder, x, y float64, class, text string) {
	fmt.Fprintf(w, `<text x="%.1f" y="%.1f" class="%s">%s</text>`+"\n", x, y, class, text)
}

// grid is a panel's title and its axis.
func (c *curve) grid(w *strings.Builder, p panel) {
	words(w, panelLeft, p.top-8, "", p.title)
	for v := 0.0; v <= p.most; v += p.step {
		y := p.y(v)
		fmt.Fprintf(w, `<path class="grid" d="M%d %.1fH%d"/>`, panelLeft, y, panelRight)
		fmt.Fprintf(w, `<text x="%d" y="%.1f" class="tick" text-anchor="end">%s</text>`+"\n", panelLeft-8, y+4, p.format(v))
	}
}

// time is the axis of both panels.
func (c *curve) time(w *strings.Builder, bottom float64) {
	const step = 30 * time.Second
	for at := time.Duration(0); at <= c.last(); at += step {
		fmt.Fprintf(w, `<path class="grid" d="M%.1f %.1fv5"/>`, c.x(at), bottom)
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" class="tick" text-anchor="middle">%d:%02d</text>`+"\n", c.x(at), bottom+18, int(at.Minutes()), int(at.Seconds())%60)
	}
	fmt.Fprintf(w, `<text x="%d" y="%.1f" class="small" text-anchor="end">time since the start, minutes:seconds</text>`+"\n", panelRight, bottom+36)
}

// markers are numbers above the panels, and what they mean below, in two columns.
func (c *curve) markers(w *strings.Builder, top, bottom, legend float64) {
	free := 0.0
	rows := (len(c.marks) + 1) / 2
	for i, m := range c.marks {
		x := c.x(m.at)
		at := max(x, free) // two that are close stand beside each other
		free = at + 19
		fmt.Fprintf(w, `<path class="mark" d="M%.1f %.1fL%.1f %.1fV%.1f"/>`, at, top-30, x, top-22, bottom)
		dot(w, at, top-38, i+1)
		lx, ly := float64(panelLeft+8), legend+float64(i%rows)*legendLine
		if i >= rows {
			lx += (panelRight - panelLeft) / 2
		}
		dot(w, lx, ly-4, i+1)
		words(w, lx+16, ly, "", fmt.Sprintf("%d:%02d  %s", int(m.at.Minutes()), int(m.at.Seconds())%60, m.text))
	}
}

func dot(w *strings.Builder, x, y float64, n int) {
	fmt.Fprintf(w, `<circle class="dot" cx="%.1f" cy="%.1f" r="8.5"/><text x="%.1f" y="%.1f">%d</text>`+"\n", x, y, x, y+4, n)
}

func (c *curve) last() time.Duration { return c.points[len(c.points)-1].at }

func (c *curve) x(at time.Duration) float64 {
	return panelLeft + (panelRight-panelLeft)*at.Seconds()/c.last().Seconds()
}

func (p panel) y(v float64) float64 { return p.bottom - (p.bottom-p.top)*v/p.most }

// line goes through all points, in steps if there is nothing between two of them.
func (c *curve) line(p panel, steps bool, of func(point) int) string {
	var d strings.Builder
	for i, now := range c.points {
		x, y := c.x(now.at), p.y(float64(of(now)))
		switch {
		case i == 0:
			fmt.Fprintf(&d, "M%.1f %.1f", x, y)
		case steps:
			fmt.Fprintf(&d, "H%.1fV%.1f", x, y)
		default:
			fmt.Fprintf(&d, "L%.1f %.1f", x, y)
		}
	}
	return d.String()
}

// area is what lies below the line.
func (c *curve) area(p panel, steps bool, of func(point) int) string {
	return fmt.Sprintf("%sV%.1fH%.1fZ", c.line(p, steps, of), p.bottom, c.x(c.points[0].at))
}

// thousands writes 300,000.
func thousands(v float64) string {
	n := int(v)
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
