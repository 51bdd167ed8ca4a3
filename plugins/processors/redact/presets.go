package redact

import (
	"maps"
	"slices"
)

// presets are the ready patterns by their names, which are also in the tag of Config.Preset.
var presets = map[string]patterns{
	"email":       {ready(`[\pL\pN._%+\-]+@(?:[\pL\pN\-]+\.)+\pL{2,}`)},
	"credit_card": {{maybe: hasCard, find: findCards}},
	"ipv4":        {{maybe: hasIPv4, find: findIPv4}},
	// Shorter words behind "bearer" are English.
	"bearer_token": {ready(`(?i)\bbearer[ \t]+([a-z0-9\-._~+/]{16,}=*)`)},
	"aws_key": {
		ready(`\b(AKIA[A-Z0-9]{16})\b`),
		ready(`\b(ASIA[A-Z0-9]{16})\b`),
		ready(`(?i)secret_?(?:access_?)?key["']?[ \t]*[:=][ \t]*["']?([a-z0-9/+]{40})(?:[^a-z0-9/+=]|$)`),
	},
	"jwt": {ready(`\b(eyJ[\w\-]{8,}\.eyJ[\w\-]{8,}\.[\w\-]*)`)},
	// One that is cut off has lost its end, and is as secret.
	"private_key":  {ready(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)},
	"url_password": {ready(`://[^/?#\s:@]*:([^/?#\s@]+)@`)},
}

func presetNames() []string { return slices.Sorted(maps.Keys(presets)) }

func ready(expr string) pattern {
	p, err := expression(expr)
	if err != nil {
		panic(err) // not on a user's words: it shows in each test
	}
	return p
}
