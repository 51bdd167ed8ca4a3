package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The picture's measures, in its own units. Colours are readable on white and on black, as nobody knows the reader's background.
const (
	wide, high         = 900, 420
	left, right        = 70, 850
	top, bottom        = 60, 320
	grey, orange, blue = "#808890", "#d9730d", "#2f81d7"
	shortened          = "Shortened for the picture: polling and sync 15 → 5 s, steps of scaling 30 and 60 → 10 s, waiting before scale-down 300 → 15 s, most pods 10 → 5."
	slowed             = "Each upload is held up by 2 s, so that one pod writes 2,500 messages/s: pods and broker share two cores."
	style              = `font-family="sans-serif" font-size="12" fill="` + grey + `"`
)

// draw writes the curve as SVG.
func (c *curve) draw(dir string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.samples[len(c.samples)-1].at
	most, deepest := 1, 1
	for _, s := range c.samples {
		most, deepest = max(most, s.pods), max(deepest, s.messages)
	}
	deepest = (deepest/50_000 + 1) * 50_000
	x := func(d time.Duration) float64 { return left + (right-left)*d.Seconds()/last.Seconds() }
	y := func(v, of int) float64 { return bottom - float64((bottom-top)*v)/float64(of) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Messages in the queue and pods over time">`+"\n<g %s>\n", wide, high, style)
	var queue, pods strings.Builder
	for i, s := range c.samples {
		fmt.Fprintf(&queue, "%.1f,%.1f ", x(s.at), y(s.messages, deepest))
		if i > 0 {
			fmt.Fprintf(&pods, "%.1f,%.1f ", x(s.at), y(c.samples[i-1].pods, most+1))
		}
		fmt.Fprintf(&pods, "%.1f,%.1f ", x(s.at), y(s.pods, most+1))
	}
	for v := 0; v <= deepest; v += 50_000 {
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s" stroke-opacity="0.25"/><text x="%d" y="%.1f" text-anchor="end">%d</text>`+"\n",
			left, right, y(v, deepest), y(v, deepest), grey, left-6, y(v, deepest)+4, v/1000)
	}
	for v := 0; v <= most; v++ {
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" fill="%s">%d</text>`+"\n", right+6, y(v, most+1)+4, blue, v)
	}
	for at := time.Duration(0); at <= last; at += 30 * time.Second {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%.0f</text>`+"\n", x(at), bottom+18, at.Seconds())
	}
	for i, m := range c.marks {
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s" stroke-dasharray="3 3"/><text x="%.1f" y="%d">%s</text>`+"\n",
			x(m.at), x(m.at), top-4, bottom, grey, x(m.at)+3, top-8-14*(i%3), m.name)
	}
	fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n", orange, queue.String())
	fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n", blue, pods.String())
	fmt.Fprintf(&b, `<text x="%d" y="11" fill="%s">messages in the queue, thousands (ready and unacked)</text><text x="%d" y="11" text-anchor="end" fill="%s">pods that are ready</text>`+"\n",
		left, orange, right, blue)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">seconds</text><text x="%d" y="%d">%s</text><text x="%d" y="%d">%s</text>`+"\n</g>\n</svg>\n",
		(left+right)/2, bottom+36, left, bottom+62, shortened, left, bottom+80, slowed)
	return os.WriteFile(filepath.Join(dir, "autoscaling.svg"), []byte(b.String()), 0o644)
}
