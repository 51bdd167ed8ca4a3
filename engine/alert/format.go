package alert

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// Formats of what is posted to a Webhook.
const (
	FormatAuto         = "auto"         // by the URL, see FormatOf
	FormatAlertmanager = "alertmanager" // Alertmanager's webhook format, version 4
	FormatSlack        = "slack"        // Slack's incoming webhooks, and those that take the same
	FormatTeams        = "teams"        // Microsoft Teams: a workflow that posts adaptive cards
)

// chat is a service that is known by its URL.
type chat struct {
	host, path *regexp.Regexp // nil is any
	format     string         // "" where there is none
	wayOut     string         // then
}

const (
	slackHosts   = `^hooks\.(slack\.com|slack-gov\.com|gov-slack\.com)$`
	discordHosts = `^(ptb\.|canary\.)?discord(app)?\.com$`
)

// chats are asked in this order. The addresses are those that the services' own documents show.
var chats = []chat{
	{host: regexp.MustCompile(slackHosts), path: regexp.MustCompile(`^/(workflows|triggers)/`),
		wayOut: "is of a workflow in Slack, which takes fields of its own: make an incoming webhook, whose URL begins with https://hooks.slack.com/services/"},
	{host: regexp.MustCompile(slackHosts), format: FormatSlack},
	{host: regexp.MustCompile(discordHosts), path: regexp.MustCompile(`^/api/.*webhooks/.*/slack/?$`), format: FormatSlack},
	{host: regexp.MustCompile(discordHosts), path: regexp.MustCompile(`^/api/.*webhooks/`), wayOut: "is Discord's, which takes what Slack takes when /slack is appended to it: append that"},
	{host: regexp.MustCompile(`(^|\.)webhook\.office\.com$`), wayOut: connectorGone},
	{host: regexp.MustCompile(`^outlook\.office(365)?\.com$`), path: regexp.MustCompile(`^/webhook/`), wayOut: connectorGone},
	{host: regexp.MustCompile(`\.(logic\.azure|powerplatform)\.(com|us|cn)$`), path: regexp.MustCompile(`/workflows/`), format: FormatTeams},
	{path: regexp.MustCompile(`/hooks/[a-z0-9]{26}/?$`), format: FormatSlack},                        // Mattermost
	{path: regexp.MustCompile(`/hooks/[A-Za-z0-9]{17,24}/[A-Za-z0-9]{30,}/?$`), format: FormatSlack}, // Rocket.Chat
	{path: regexp.MustCompile(`/api/v1/external/slack_incoming/?$`), format: FormatSlack},            // Zulip
	{host: regexp.MustCompile(`^(chat\.googleapis\.com|events(\.eu)?\.pagerduty\.com|api(\.eu)?\.opsgenie\.com|api\.telegram\.org|api\.pushover\.net)$`),
		wayOut: `is of a service that takes a format of its own: put an Alertmanager between them (alert "alertmanager"), or a receiver that translates`},
}

const connectorGone = `is of an Office 365 connector, which Microsoft has retired: make a workflow in Teams from the template "Send webhook alerts to a channel", and take its URL`

// FormatOf says in which format alerts are posted to a URL when nobody says it. The error names a service that takes none of the formats, and the
// way out; the URL, which holds a secret, is not in it.
func FormatOf(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return FormatAlertmanager, nil // which is said elsewhere
	}
	host := strings.ToLower(u.Hostname())
	for _, c := range chats {
		if c.host != nil && !c.host.MatchString(host) || c.path != nil && !c.path.MatchString(u.Path) {
			continue
		}
		if c.format == "" {
			return "", errors.New(c.wayOut)
		}
		return c.format, nil
	}
	return FormatAlertmanager, nil
}

// format is that of a receiver.
func (c *Config) format() string {
	if c.Format != "" && c.Format != FormatAuto {
		return c.Format
	}
	format, err := FormatOf(c.URL.Reveal())
	if err != nil {
		return FormatAlertmanager // the receiver refuses it, and the log says so; validate has refused it before
	}
	return format
}
