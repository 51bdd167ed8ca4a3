package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/internal/clip"
)

// What a message for people holds at most. A phone shows the first words of it, so what is the matter stands first.
const (
	chatAlerts = 10   // the others are counted
	chatText   = 600  // bytes of a cause; an error may have a kilobyte
	chatMost   = 8000 // bytes in all; Teams takes 28 KB, with its JSON
)

// told is one alert in words.
type told struct{ title, text string }

// tell puts alerts into words, those that fire first. more are those that are not among them.
func tell(from Origin, labels map[string]string, alerts []alert) (all []told, more int) {
	alerts = slices.Clone(alerts)
	slices.SortStableFunc(alerts, func(a, b alert) int { return rank(a) - rank(b) })
	sum := 0
	for i, a := range alerts {
		t := told{title: "FIRING: " + clip.To(a.summary(), chatText)}
		lines := []string{fmt.Sprintf("%s, %s: %s (threshold %s)", a.name, a.severity, a.value, a.threshold), "Next: " + a.next}
		if a.resolved() {
			t.title = "RESOLVED: " + clip.To(a.summary(), chatText)
			lines = lines[:1]
		}
		var at []string
		if from.Instance != "" {
			at = append(at, "instance="+from.Instance)
		}
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			at = append(at, name+"="+labels[name])
		}
		if len(at) > 0 {
			lines = append(lines, clip.To(strings.Join(at, " "), chatText))
		}
		t.text = strings.Join(lines, "\n")
		if sum += len(t.title) + len(t.text); i == chatAlerts || sum > chatMost {
			return all, len(alerts) - i
		}
		all = append(all, t)
	}
	return all, 0
}

func rank(a alert) int {
	if a.resolved() {
		return 1
	}
	return 0
}

// plainSlack keeps what an error says from being a link or a call to everybody: & < and > are Slack's control characters
// (https://docs.slack.dev/messaging/formatting-message-text), the others are names that Mattermost and Discord know.
var plainSlack = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@everyone", "@\u200beveryone", "@here", "@\u200bhere",
	"@channel", "@\u200bchannel", "@all", "@\u200ball")

// slack is the body of an incoming webhook. It has a text alone, which all take that take what Slack takes.
func slack(from Origin, labels map[string]string, alerts []alert) ([]byte, error) {
	all, more := tell(from, labels, alerts)
	var parts []string
	for _, t := range all {
		parts = append(parts, "*"+plainSlack.Replace(t.title)+"*\n"+plainSlack.Replace(t.text))
	}
	if more > 0 {
		parts = append(parts, fmt.Sprintf("… and %d more", more))
	}
	return json.Marshal(map[string]string{"text": strings.Join(parts, "\n\n")})
}

// teams is a message with an adaptive card, as the workflow "Send webhook alerts to a channel" takes it. Causes are in TextRuns, which know no
// Markdown: an error cannot make a link.
func teams(from Origin, labels map[string]string, alerts []alert) ([]byte, error) {
	type object = map[string]any
	run := func(text string, more object) object {
		r := object{"type": "TextRun", "text": text}
		maps.Copy(r, more)
		return object{"type": "RichTextBlock", "inlines": []object{r}}
	}
	all, more := tell(from, labels, alerts)
	var body []object
	for _, t := range all {
		color := "Attention"
		if strings.HasPrefix(t.title, "RESOLVED") {
			color = "Good"
		}
		body = append(body, run(t.title, object{"weight": "Bolder", "color": color}))
		for line := range strings.SplitSeq(t.text, "\n") {
			body = append(body, run(line, nil))
		}
	}
	if more > 0 {
		body = append(body, run(fmt.Sprintf("… and %d more", more), nil))
	}
	return json.Marshal(object{"type": "message", "attachments": []object{{
		"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil,
		"content": object{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
			"msteams": object{"width": "Full"}, "body": body},
	}}})
}
