package redact

import (
	"bytes"
	"maps"
	"slices"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// namedSecret is the preset that looks at the names of a record's own fields as well.
const namedSecret = "named_secret"

const emailExpr = `[\pL\pN._%+\-]+@(?:[\pL\pN\-]+\.)+(?:xn--[\pL\pN\-]+|\pL{2,})`

// presets are the ready patterns by their names, which are also in the tag of Config.Preset. Where a word begins they take "_" for no part of it, as
// in "session_eyJ…".
var presets = map[string]patterns{
	"email":       {outsideAuthority(aroundAt(ready(emailExpr)))},
	"credit_card": {byHand(hasCardsRow, nextCard, hiding{bytes: digits, inNumber: " -+"})},
	"ipv4":        {byHand(hasFourNumbers, nextIPv4, hiding{bytes: digits + "."})},
	"ipv6":        {byHand(hasColons, nextIPv6, hiding{bytes: hexadecimal + ":."})},
	// Shorter words behind "bearer" are English. In forms the blank is a plus.
	"bearer_token": {ready(`(?i)(?:\b|_)bearer[ \t+]+([a-z0-9\-._~+/]{16,}=*)`)},
	"basic_auth":   {{maybe: basic.in, find: findBasicAuth, hides: basic.hides()}},
	"aws_key": {
		ready(`(?:\b|_)(AKIA[A-Z0-9]{16})(?:\b|_)`),
		ready(`(?:\b|_)(ASIA[A-Z0-9]{16})(?:\b|_)`),
		ready(`(?i)secret[_\-]?(?:access[_\-]?)?key["']?[ \t]*[:=][ \t]*["']?([a-z0-9/+]{40})(?:[^a-z0-9/+=]|$)`),
	},
	// Signed ones (RFC 7519), and encrypted ones of five parts (RFC 7516).
	"jwt": {where(hasJWT, "eyJ", ready(`(?:\b|_)(eyJ[\w\-]{8,}(?:\.eyJ[\w\-]{8,}\.[\w\-]*|\.[\w\-]*(?:\.[\w\-]+){3}))`))},
	// One that is cut off has lost its end, and is as secret.
	"private_key": {where(hasPrivate, "PRIVATE", ready(`-----BEGIN[ +][A-Z0-9 +]*PRIVATE[ +]KEY(?:[ +]BLOCK)?-----(?s:.*?)`+
		`(?:-----END[ +][A-Z0-9 +]*PRIVATE[ +]KEY(?:[ +]BLOCK)?-----|$)`))},
	"url_password": {{near: hasAt, maybe: hasURLPassword, find: findURLPasswords, hides: hiding{bytes: "@"}}},
	namedSecret: {
		{maybe: hasNamedSecret, find: findNamedSecrets, hides: hiding{any: true}},
		{maybe: hasSecretFlag, find: findSecretFlags, hides: hiding{any: true}},
	},
}

func presetNames() []string { return slices.Sorted(maps.Keys(presets)) }

// where is p, asked only where maybe says that it can have a hit. maybe looks for a text of these bytes.
func where(maybe func(text []byte) bool, of string, p pattern) pattern {
	p.maybe, p.hides = maybe, hiding{bytes: of}
	return p
}

// byHand is the pattern whose first hit from i on next finds.
func byHand(near func(text []byte) bool, next func(text []byte, i int) (jsonscan.Span, bool), hides hiding) pattern {
	return pattern{
		near: near, hides: hides,
		maybe: func(text []byte) bool {
			_, ok := next(text, 0)
			return ok
		},
		find: func(hits []jsonscan.Span, text []byte) []jsonscan.Span {
			for hit, ok := next(text, 0); ok; hit, ok = next(text, hit.To) {
				hits = append(hits, hit)
			}
			return hits
		},
	}
}

// hasJWT looks for the J of eyJ, the one letter of it that is rare.
func hasJWT(text []byte) bool {
	for i := 2; i < len(text); i++ {
		if i = index(text, 'J', i); i < len(text) && text[i-1] == 'y' && text[i-2] == 'e' {
			return true
		}
	}
	return false
}

// hasPrivate looks for a word that begins with a rarer letter than the dashes before it.
func hasPrivate(text []byte) bool { return bytes.Contains(text, []byte("PRIVATE")) }

func ready(expr string) pattern {
	p, err := expression(expr)
	if err != nil {
		panic(err) // not on a user's words: it shows in each test
	}
	return p
}
