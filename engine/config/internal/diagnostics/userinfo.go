package diagnostics

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Shorten keeps texts of unknown length out of messages, and what is secret in URLs: cut, it could not be found any more.
func Shorten(s string) string {
	const most = 80
	s = HideUserinfo(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

var (
	userinfo = regexp.MustCompile(`://[^\s"]*@`)
	inQuotes = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"?`)
	InText   = regexp.MustCompile(`://.*@`)
)

// HideUserinfo hides user and password of the URLs in a text. Examples stay.
func HideUserinfo(text string) string {
	if !strings.Contains(text, "://") || !strings.Contains(text, "@") {
		return text
	}
	hide := func(match string) string {
		if match == "://user:password@" {
			return match
		}
		return "://***@"
	}
	text = inQuotes.ReplaceAllStringFunc(text, func(q string) string { return InText.ReplaceAllStringFunc(q, hide) })
	return userinfo.ReplaceAllStringFunc(text, hide)
}

// hideUserinfoOf hides it in a line of a file, whose length stays. A quote in the line may be any quote, so the line's last @ counts.
func hideUserinfoOf(line []byte) {
	for _, at := range InText.FindAllIndex(line, -1) {
		for i := at[0] + len("://"); i < at[1]-1; i++ {
			line[i] = '*'
		}
	}
}
